import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { AttemptBudget, AttemptLimits } from '../../application/ports/attempt-limits.ts'
import type { Database } from './database.ts'
import { NamedStatement } from './named-statement.ts'
import { onlyRow, affectedRows } from './affected-rows.ts'

/**
 * Whether the attempts of a row no longer count: they are old, or the database's clock was ahead when they were counted. It
 * was ahead if they are kept longer than attempts of now. Otherwise their wait could be as long as the clock was wrong.
 */
const isForgotten = (keptUntil: string): string =>
  `(kept.forget_at <= $1 or kept.forget_at > ${keptUntil} + interval '1 minute')`

/** When every budget that is used up may be taken from again; null if none is used up. */
const blockedUntil = (forgetAfter: '$3' | '$6'): string =>
  `select max(allowed_at) as until
   from attempts as kept join unnest($2::bytea[], ${forgetAfter}::float8[]) as asked (key, forget_after) using (key)
   where allowed_at > $1 and not ${isForgotten('$1 + make_interval(secs => asked.forget_after)')}`

interface Blocked {
  readonly until: Date | null
}

const CHECK = new NamedStatement<Blocked>('check_attempts', blockedUntil('$3'))

/** The budgets as columns, each array as long as the number of budgets. */
const BUDGETS = `unnest($2::bytea[], $3::int[], $4::numeric[], $5::numeric[], $6::float8[])
   as budget (key, free, first_delay, longest_delay, forget_after)`

interface Taken extends Blocked {
  /** Digests in hex. */
  readonly taken: readonly string[]
}

/**
 * One statement counts and decides: parallel attempts wait for each other at the rows, and each sees what the one before it
 * wrote. Once attempt n reaches the free ones, the wait after it is first * 2^(n - free) seconds. If a budget is blocked,
 * the statement locks nothing: a refused attempt has nothing to write. All attempts lock in the order of the keys, so they
 * cannot deadlock.
 */
const TAKE = new NamedStatement<Taken>(
  'take_attempts',
  `with blocked as (${blockedUntil('$6')}), taken as (
     insert into attempts as kept (key, count, allowed_at, forget_at, forgotten_before)
     select
       key, 1,
       case when free > 1 then '-infinity' else $1::timestamptz + make_interval(secs => least(first_delay, longest_delay)) end,
       $1::timestamptz + make_interval(secs => forget_after),
       $1::timestamptz
     from ${BUDGETS}, blocked where until is null
     order by key
     on conflict (key) do update set
       count = case when ${isForgotten('excluded.forget_at')} then 1 else kept.count + 1 end,
       allowed_at = case when ${isForgotten('excluded.forget_at')} then excluded.allowed_at else (
         select case
           when kept.count + 1 < free then '-infinity'
           else $1::timestamptz + make_interval(secs => least(longest_delay, first_delay * 2.0 ^ least(kept.count + 1 - free, 30)))
         end
         from ${BUDGETS} where key = kept.key
       ) end,
       forget_at = excluded.forget_at,
       forgotten_before = case when ${isForgotten('excluded.forget_at')} then $1 else kept.forget_at end
     where kept.allowed_at <= $1 or ${isForgotten('excluded.forget_at')}
     returning key
   )
   select until, array(select encode(key, 'hex') from taken) as taken from blocked`,
)

/**
 * The latest attempt is recognised by the time at which it is forgotten. Its wait ends when it is given back, and so does
 * the memory that it prolonged; the wait of any other attempt goes on.
 */
const GIVE_BACK = new NamedStatement(
  'give_back_attempts',
  `with locked as (
     select key from attempts where key = any($2::bytea[]) order by key for update
   )
   update attempts set
     count = count - 1,
     allowed_at = case
       when count - 1 < free or forget_at = $1::timestamptz + make_interval(secs => forget_after) then '-infinity'
       else allowed_at
     end,
     forget_at = case
       when forget_at = $1::timestamptz + make_interval(secs => forget_after) then coalesce(forgotten_before, forget_at)
       else forget_at
     end
   from ${BUDGETS} join locked using (key) where attempts.key = locked.key and count > 0`,
)

export class PostgresAttemptLimits implements AttemptLimits {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async take(budgets: readonly AttemptBudget[], now: Date): Promise<void> {
    if (budgets.length === 0) return
    const { until, taken } = onlyRow(await TAKE.execute(this.#db, parametersOf(budgets, now)))
    if (taken.length === budgets.length) return
    await this.giveBack(
      budgets.filter((budget) => taken.includes(digest(budget).toString('hex'))),
      now,
    )
    // If no budget was used up at first, a parallel attempt has taken the last one.
    throw refusal(until ?? (await this.#blockedUntil(budgets, now)) ?? now, now)
  }

  async giveBack(budgets: readonly AttemptBudget[], takenAt: Date): Promise<void> {
    if (budgets.length === 0) return
    await GIVE_BACK.execute(this.#db, parametersOf(budgets, takenAt))
  }

  async reset(budget: AttemptBudget): Promise<void> {
    await this.#db.deleteFrom('attempts').where('key', '=', digest(budget)).execute()
  }

  async removeForgotten(now: Date, limit: number): Promise<number> {
    const query = sql`
      with forgotten as (
        select key from attempts where forget_at <= ${now} order by key limit ${limit} for update skip locked
      )
      delete from attempts using forgotten where attempts.key = forgotten.key`
    return affectedRows(await query.execute(this.#db))
  }

  async #blockedUntil(budgets: readonly AttemptBudget[], now: Date): Promise<Date | null> {
    const forgetAfter = budgets.map(({ forgetAfterSeconds }) => forgetAfterSeconds)
    return onlyRow(await CHECK.execute(this.#db, [now, budgets.map(digest), forgetAfter])).until
  }
}

function refusal(until: Date, now: Date): ApplicationError {
  const retryAfterSeconds = Math.max(1, Math.ceil((+until - +now) / 1000))
  return new ApplicationError('too_many_attempts', { retryAfterSeconds })
}

const digest = ({ key }: AttemptBudget): Buffer => createHash('sha256').update(key).digest()

const parametersOf = (budgets: readonly AttemptBudget[], now: Date): unknown[] => [
  now,
  budgets.map(digest),
  budgets.map(({ free }) => free),
  budgets.map(({ firstDelaySeconds }) => firstDelaySeconds),
  budgets.map(({ longestDelaySeconds }) => longestDelaySeconds),
  budgets.map(({ forgetAfterSeconds }) => forgetAfterSeconds),
]

import { createHash } from 'node:crypto'
import { CompiledQuery } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { AttemptBudget, AttemptLimits } from '../../application/ports/attempt-limits.ts'
import type { Database } from './database.ts'
import { prepared } from './guarded-pool.ts'

/** When the last of the budgets that are used up may be taken from again, or null. */
const BLOCKED_UNTIL = `select max(allowed_at) as until from attempts
   where key = any($2::bytea[]) and allowed_at > $1 and forget_at > $1`

const CHECK = prepared('check_attempts', BLOCKED_UNTIL)

/** The budgets as columns, each array as long as the number of budgets. */
const BUDGETS = `unnest($2::bytea[], $3::int[], $4::numeric[], $5::numeric[], $6::float8[])
   as budget (key, free, first_delay, longest_delay, forget_after)`

/**
 * One statement counts and judges: parallel attempts queue at the rows, and each sees what the one before it wrote. The
 * wait after attempt n is first * 2^(n - free) seconds once n reaches the free ones. When it finds one of the budgets
 * blocked, it does not even lock: a refused attempt leaves nothing to write. All lock in the order of the keys, so
 * that none waits in a circle.
 */
const TAKE = prepared(
  'take_attempts',
  `with blocked as (${BLOCKED_UNTIL}), taken as (
     insert into attempts as kept (key, count, allowed_at, forget_at)
     select
       key, 1,
       case when free > 1 then '-infinity' else $1::timestamptz + make_interval(secs => least(first_delay, longest_delay)) end,
       $1::timestamptz + make_interval(secs => forget_after)
     from ${BUDGETS}, blocked where until is null
     order by key
     on conflict (key) do update set
       count = case when kept.forget_at <= $1 then 1 else kept.count + 1 end,
       allowed_at = case when kept.forget_at <= $1 then excluded.allowed_at else (
         select case
           when kept.count + 1 < free then '-infinity'
           else $1::timestamptz + make_interval(secs => least(longest_delay, first_delay * 2.0 ^ least(kept.count + 1 - free, 30)))
         end
         from ${BUDGETS} where key = kept.key
       ) end,
       forget_at = excluded.forget_at
     where kept.allowed_at <= $1 or kept.forget_at <= $1
     returning key
   )
   select until, array(select encode(key, 'hex') from taken) as taken from blocked`,
)

/**
 * The latest attempt is known by when it will be forgotten: its wait is over, that of any other goes on. The budget $7, if
 * there is one, is forgotten as a whole.
 */
const GIVE_BACK = prepared(
  'give_back_attempts',
  `with locked as (
     select key from attempts where key = any(array_append($2::bytea[], $7::bytea)) order by key for update
   ), forgotten as (
     delete from attempts using locked where attempts.key = locked.key and locked.key = $7
   )
   update attempts set
     count = count - 1,
     allowed_at = case
       when count - 1 < free or forget_at = $1::timestamptz + make_interval(secs => forget_after) then '-infinity'
       else allowed_at
     end
   from ${BUDGETS} join locked using (key) where attempts.key = locked.key and count > 0`,
)

interface Taken {
  readonly until: Date | null
  /** Digests in hex. */
  readonly taken: readonly string[]
}

export class PostgresAttemptLimits implements AttemptLimits {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async check(budgets: readonly AttemptBudget[], now: Date): Promise<void> {
    const until = await this.#blockedUntil(budgets, now)
    if (until !== null) throw refusal(until, now)
  }

  async take(budgets: readonly AttemptBudget[], now: Date): Promise<void> {
    const { rows } = await this.#db.executeQuery<Taken>(CompiledQuery.raw(TAKE, parametersOf(budgets, now)))
    const { until, taken } = rows[0] as Taken
    if (taken.length === budgets.length) return
    await this.giveBack(
      budgets.filter((budget) => taken.includes(digest(budget).toString('hex'))),
      now,
    )
    // None was used up at first: another attempt took the last one meanwhile.
    throw refusal(until ?? (await this.#blockedUntil(budgets, now)) ?? now, now)
  }

  async giveBack(budgets: readonly AttemptBudget[], takenAt: Date): Promise<void> {
    if (budgets.length === 0) return
    const parameters = [...parametersOf(budgets, takenAt), null]
    await this.#db.executeQuery(CompiledQuery.raw(GIVE_BACK, parameters))
  }

  async prove(proven: AttemptBudget, others: readonly AttemptBudget[], takenAt: Date): Promise<void> {
    const parameters = [...parametersOf(others, takenAt), digest(proven)]
    await this.#db.executeQuery(CompiledQuery.raw(GIVE_BACK, parameters))
  }

  async removeForgotten(now: Date, limit: number): Promise<number> {
    const forgotten = this.#db
      .selectFrom('attempts')
      .select('key')
      .where('forget_at', '<=', now)
      .orderBy('key')
      .limit(limit)
      .forUpdate()
      .skipLocked()
    const query = this.#db
      .with('forgotten', () => forgotten)
      .deleteFrom('attempts')
      .using('forgotten')
      .whereRef('attempts.key', '=', 'forgotten.key')
    return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
  }

  async #blockedUntil(budgets: readonly AttemptBudget[], now: Date): Promise<Date | null> {
    const query = CompiledQuery.raw(CHECK, [now, budgets.map(digest)])
    return (await this.#db.executeQuery<{ until: Date | null }>(query)).rows[0]?.until ?? null
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

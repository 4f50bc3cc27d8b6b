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

/**
 * One statement counts and judges: parallel attempts queue at the row, and each sees what the one before it wrote. The
 * wait after attempt n is first * 2^(n - free) seconds once n reaches the free ones. What it finds blocked, here or in a
 * budget whose turn comes later, it does not even lock: a refused attempt leaves nothing to write.
 */
const TAKE = prepared(
  'take_attempt',
  `with blocked as (${BLOCKED_UNTIL}), taken as (
     insert into attempts as kept (key, count, allowed_at, forget_at)
     select
       $3::bytea, 1,
       case when $4 > 1 then '-infinity' else $1::timestamptz + make_interval(secs => least($6::numeric, $5)) end,
       $1::timestamptz + make_interval(secs => $7)
     from blocked where until is null
     on conflict (key) do update set
       count = case when kept.forget_at <= $1 then 1 else kept.count + 1 end,
       allowed_at = case
         when kept.forget_at <= $1 then excluded.allowed_at
         when kept.count + 1 < $4 then '-infinity'
         else $1::timestamptz + make_interval(secs => least($6, $5 * 2.0 ^ least(kept.count + 1 - $4, 30)))
       end,
       forget_at = excluded.forget_at
     where kept.allowed_at <= $1 or kept.forget_at <= $1
     returning key
   )
   select until, exists (select from taken) as is_taken from blocked`,
)

/** The latest attempt is known by when it will be forgotten: its wait is over, that of any other goes on. */
const GIVE_BACK = prepared(
  'give_back_attempt',
  `update attempts set
     count = count - 1,
     allowed_at = case
       when count - 1 < $3 or forget_at = $1::timestamptz + make_interval(secs => $4) then '-infinity'
       else allowed_at
     end
   where key = $2 and count > 0`,
)

interface Taken {
  readonly until: Date | null
  readonly is_taken: boolean
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
    for (const [index, budget] of budgets.entries()) {
      const rest = budgets.slice(index)
      const { until, is_taken } = await this.#takeOne(budget, rest, now)
      if (is_taken) continue
      await this.giveBack(budgets.slice(0, index), now)
      // None was used up at first: another attempt took the last one meanwhile.
      throw refusal(until ?? (await this.#blockedUntil(rest, now)) ?? now, now)
    }
  }

  async giveBack(budgets: readonly AttemptBudget[], takenAt: Date): Promise<void> {
    for (const budget of budgets) {
      const parameters = [takenAt, digest(budget), budget.free, budget.forgetAfterSeconds]
      await this.#db.executeQuery(CompiledQuery.raw(GIVE_BACK, parameters))
    }
  }

  async clear(budget: AttemptBudget): Promise<void> {
    await this.#db.deleteFrom('attempts').where('key', '=', digest(budget)).execute()
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

  /** Nothing is taken while one of `all` is used up. */
  async #takeOne(budget: AttemptBudget, all: readonly AttemptBudget[], now: Date): Promise<Taken> {
    const { free, firstDelaySeconds, longestDelaySeconds, forgetAfterSeconds } = budget
    const limits = [free, firstDelaySeconds, longestDelaySeconds, forgetAfterSeconds]
    const parameters = [now, all.map(digest), digest(budget), ...limits]
    const { rows } = await this.#db.executeQuery<Taken>(CompiledQuery.raw(TAKE, parameters))
    return rows[0] as Taken
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

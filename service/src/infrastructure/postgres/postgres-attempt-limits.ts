import { createHash } from 'node:crypto'
import { CompiledQuery, sql } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { AttemptBudget, AttemptLimits } from '../../application/ports/attempt-limits.ts'
import type { Database } from './database.ts'
import { prepared } from './guarded-pool.ts'

/**
 * One statement counts and judges: parallel attempts queue at the row, and each sees what the one before it wrote. The
 * wait after attempt n is first * 2^(n - free) seconds once n reaches the free ones. Answers no row when refused.
 */
const TAKE = prepared(
  'take_attempt',
  `insert into attempts as kept (key, count, allowed_at, forget_at)
   values (
     $1, 1, case when $3 > 1 then '-infinity' else $2::timestamptz + make_interval(secs => least($5::numeric, $4)) end,
     $2::timestamptz + make_interval(secs => $6)
   )
   on conflict (key) do update set
     count = case when kept.forget_at <= $2 then 1 else kept.count + 1 end,
     allowed_at = case
       when kept.forget_at <= $2 then excluded.allowed_at
       when kept.count + 1 < $3 then '-infinity'
       else $2::timestamptz + make_interval(secs => least($5, $4 * 2.0 ^ least(kept.count + 1 - $3, 30)))
     end,
     forget_at = $2::timestamptz + make_interval(secs => $6)
   where kept.allowed_at <= $2 or kept.forget_at <= $2
   returning count`,
)

export class PostgresAttemptLimits implements AttemptLimits {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async take(budgets: readonly AttemptBudget[], now: Date): Promise<void> {
    for (const budget of budgets) {
      const { free, firstDelaySeconds, longestDelaySeconds, forgetAfterSeconds } = budget
      const key = digest(budget)
      const parameters = [key, now, free, firstDelaySeconds, longestDelaySeconds, forgetAfterSeconds]
      const { rows } = await this.#db.executeQuery(CompiledQuery.raw(TAKE, parameters))
      if (rows.length === 0) throw await this.#refusal(key, now)
    }
  }

  async giveBack(budgets: readonly AttemptBudget[]): Promise<void> {
    for (const budget of budgets) {
      await this.#db
        .updateTable('attempts')
        .set((eb) => ({ count: eb('count', '-', 1), allowed_at: sql<Date>`'-infinity'` }))
        .where('key', '=', digest(budget))
        .where('count', '>', 0)
        .execute()
    }
  }

  async clear(budget: AttemptBudget): Promise<void> {
    await this.#db.deleteFrom('attempts').where('key', '=', digest(budget)).execute()
  }

  async removeForgotten(now: Date, limit: number): Promise<number> {
    const forgotten = this.#db.selectFrom('attempts').select('key').where('forget_at', '<=', now).limit(limit)
    const query = this.#db.deleteFrom('attempts').where('key', 'in', forgotten).where('forget_at', '<=', now)
    return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
  }

  async #refusal(key: Buffer, now: Date): Promise<ApplicationError> {
    const query = this.#db.selectFrom('attempts').select('allowed_at').where('key', '=', key)
    const allowedAt = (await query.executeTakeFirst())?.allowed_at ?? now
    const retryAfterSeconds = Math.max(1, Math.ceil((+allowedAt - +now) / 1000))
    return new ApplicationError('too_many_attempts', { retryAfterSeconds })
  }
}

const digest = ({ key }: AttemptBudget): Buffer => createHash('sha256').update(key).digest()

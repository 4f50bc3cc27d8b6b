import { ApplicationError } from '../../src/application/errors.ts'
import type { AttemptBudget, AttemptLimits } from '../../src/application/ports/attempt-limits.ts'
import { secondsAfter } from '../../src/domain/session.ts'

interface Counted {
  readonly count: number
  readonly allowedAt: Date
  readonly forgetAt: Date
}

const ALWAYS = new Date(0)

/** Counts in memory, by what the budgets are called. */
export class FakeAttemptLimits implements AttemptLimits {
  readonly #counted = new Map<string, Counted>()

  /** How many attempts count against the budget of that name now. */
  countOf(key: string): number {
    return this.#counted.get(key)?.count ?? 0
  }

  async take(budgets: readonly AttemptBudget[], now: Date): Promise<void> {
    await Promise.resolve()
    for (const budget of budgets) this.#takeOne(budget, now)
  }

  #takeOne(budget: AttemptBudget, now: Date): void {
    const before = this.#counted.get(budget.key)
    const remembered = before !== undefined && before.forgetAt > now ? before : undefined
    if (remembered !== undefined && remembered.allowedAt > now) {
      const retryAfterSeconds = Math.ceil((+remembered.allowedAt - +now) / 1000)
      throw new ApplicationError('too_many_attempts', { retryAfterSeconds })
    }
    const count = (remembered?.count ?? 0) + 1
    const allowedAt = count < budget.free ? ALWAYS : secondsAfter(now, delaySeconds(budget, count))
    this.#counted.set(budget.key, {
      count,
      allowedAt,
      forgetAt: secondsAfter(now, budget.forgetAfterSeconds),
    })
  }

  async giveBack(budgets: readonly AttemptBudget[]): Promise<void> {
    await Promise.resolve()
    for (const { key } of budgets) {
      const counted = this.#counted.get(key)
      if (counted === undefined || counted.count === 0) continue
      this.#counted.set(key, { ...counted, count: counted.count - 1, allowedAt: ALWAYS })
    }
  }

  async clear({ key }: AttemptBudget): Promise<void> {
    await Promise.resolve()
    this.#counted.delete(key)
  }

  async removeForgotten(now: Date, limit: number): Promise<number> {
    await Promise.resolve()
    const forgotten = [...this.#counted].filter(([, { forgetAt }]) => forgetAt <= now).slice(0, limit)
    for (const [key] of forgotten) this.#counted.delete(key)
    return forgotten.length
  }
}

const delaySeconds = (
  { free, firstDelaySeconds, longestDelaySeconds }: AttemptBudget,
  count: number,
): number => Math.min(longestDelaySeconds, firstDelaySeconds * 2 ** (count - free))

import { ApplicationError } from '../../src/application/errors.ts'
import type { AttemptBudget, AttemptLimits } from '../../src/application/ports/attempt-limits.ts'
import { secondsAfter } from '../../src/domain/session.ts'

interface Counted {
  readonly count: number
  readonly allowedAt: Date
  readonly forgetAt: Date
  /** When it would be forgotten without the latest attempt. */
  readonly forgottenBefore: Date
}

const ALWAYS = new Date(0)

/** Counts in memory, by the key of the budget. */
export class FakeAttemptLimits implements AttemptLimits {
  readonly #counted = new Map<string, Counted>()

  /** How many attempts count against the budget with that key now. */
  countOf(key: string): number {
    return this.#counted.get(key)?.count ?? 0
  }

  async take(budgets: readonly AttemptBudget[], now: Date): Promise<void> {
    await Promise.resolve()
    this.#refuseUsedUp(budgets, now)
    for (const budget of budgets) this.#takeOne(budget, now)
  }

  async giveBack(budgets: readonly AttemptBudget[], takenAt: Date): Promise<void> {
    await Promise.resolve()
    for (const { key, free, forgetAfterSeconds } of budgets) {
      const counted = this.#counted.get(key)
      if (counted === undefined || counted.count === 0) continue
      const count = counted.count - 1
      const isLatest = +counted.forgetAt === +secondsAfter(takenAt, forgetAfterSeconds)
      const allowedAt = count < free || isLatest ? ALWAYS : counted.allowedAt
      const forgetAt = isLatest ? counted.forgottenBefore : counted.forgetAt
      this.#counted.set(key, { ...counted, count, allowedAt, forgetAt })
    }
  }

  #refuseUsedUp(budgets: readonly AttemptBudget[], now: Date): void {
    const waits = budgets.map((budget) => +(this.#remembered(budget, now)?.allowedAt ?? ALWAYS) - +now)
    const longest = Math.max(0, ...waits)
    if (longest === 0) return
    throw new ApplicationError('too_many_attempts', { retryAfterSeconds: Math.ceil(longest / 1000) })
  }

  #takeOne(budget: AttemptBudget, now: Date): void {
    const remembered = this.#remembered(budget, now)
    const count = (remembered?.count ?? 0) + 1
    const allowedAt = count < budget.free ? ALWAYS : secondsAfter(now, delaySeconds(budget, count))
    const forgetAt = secondsAfter(now, budget.forgetAfterSeconds)
    const forgottenBefore = remembered?.forgetAt ?? now
    this.#counted.set(budget.key, { count, allowedAt, forgetAt, forgottenBefore })
  }

  #remembered({ key, forgetAfterSeconds }: AttemptBudget, now: Date): Counted | undefined {
    const counted = this.#counted.get(key)
    if (counted === undefined || counted.forgetAt <= now) return undefined
    // Counted by a clock that was ahead.
    return counted.forgetAt > secondsAfter(now, forgetAfterSeconds + 60) ? undefined : counted
  }

  async reset({ key }: AttemptBudget): Promise<void> {
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

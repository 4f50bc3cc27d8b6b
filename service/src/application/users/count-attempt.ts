import { ApplicationError } from '../errors.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'

interface CountAttemptDeps {
  readonly attempts: AttemptLimits
  /** Throws `overloaded` if the work would be refused now. */
  readonly requireCapacity: () => void
}

/**
 * Makes an attempt at expensive work, counted against its budgets before it begins. Throws `too_many_attempts`,
 * `overloaded`.
 */
export const countAttempt =
  ({ attempts, requireCapacity }: CountAttemptDeps) =>
  async <T>(budgets: readonly AttemptBudget[], now: Date, attempt: () => Promise<T>): Promise<T> => {
    requireCapacity()
    await attempts.take(budgets, now)
    return makeCountedAttempt(attempts)(budgets, now, attempt)
  }

/** Counts only work that succeeds. It is counted before, so that parallel calls do not exceed the budget. */
export const countSuccess =
  (attempts: AttemptLimits) =>
  async <T>(budget: AttemptBudget, now: Date, work: () => Promise<T>): Promise<T> => {
    await attempts.take([budget], now)
    try {
      return await work()
    } catch (error) {
      await attempts.giveBack([budget], now)
      throw error
    }
  }

/**
 * Makes an attempt that was counted at `now`. An attempt that is refused as `overloaded` was not the caller's fault and
 * counts against none.
 */
export const makeCountedAttempt =
  (attempts: AttemptLimits) =>
  async <T>(budgets: readonly AttemptBudget[], now: Date, attempt: () => Promise<T>): Promise<T> => {
    try {
      return await attempt()
    } catch (error) {
      const wasMade = !(error instanceof ApplicationError && error.code === 'overloaded')
      if (!wasMade) await attempts.giveBack(budgets, now)
      throw error
    }
  }

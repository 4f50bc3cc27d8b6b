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

import { ApplicationError } from '../errors.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'

interface CountAttemptDeps {
  readonly attempts: AttemptLimits
  /** Where the work is done. Throws `overloaded` when nothing more can wait for it. */
  readonly room: { requireRoom(): void }
}

/**
 * Makes an attempt at something that takes much work, counted against its budgets before it begins. Being too busy for it
 * is our affair: what is refused as `overloaded` counts against none. Throws `too_many_attempts`, `overloaded`.
 */
export const countAttempt =
  ({ attempts, room }: CountAttemptDeps) =>
  async <T>(budgets: readonly AttemptBudget[], now: Date, attempt: () => Promise<T>): Promise<T> => {
    room.requireRoom()
    await attempts.take(budgets, now)
    try {
      return await attempt()
    } catch (error) {
      const wasMade = !(error instanceof ApplicationError && error.code === 'overloaded')
      if (!wasMade) await attempts.giveBack(budgets, now)
      throw error
    }
  }

import { ApplicationError } from '../errors.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'

interface CountAttemptDeps {
  readonly passwords: PasswordHasher
  readonly attempts: AttemptLimits
}

/**
 * Makes an attempt at something that hashes a password, counted against its budgets before it begins. Being too busy to
 * hash is our affair: what is refused as `overloaded` counts against none. Throws `too_many_attempts`, `overloaded`.
 */
export const countAttempt =
  ({ passwords, attempts }: CountAttemptDeps) =>
  async <T>(budgets: readonly AttemptBudget[], now: Date, attempt: () => Promise<T>): Promise<T> => {
    passwords.requireRoom()
    await attempts.take(budgets, now)
    try {
      return await attempt()
    } catch (error) {
      const wasMade = !(error instanceof ApplicationError && error.code === 'overloaded')
      if (!wasMade) await attempts.giveBack(budgets, now)
      throw error
    }
  }

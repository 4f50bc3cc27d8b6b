import { InvalidValue } from '../../domain/invalid-value.ts'
import type { User } from '../../domain/user.ts'
import { passwordChecksOf } from '../attempt-budgets.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import { refuseField } from '../validate.ts'
import { countAttempt } from './count-attempt.ts'

export interface CheckCurrentPasswordDeps {
  readonly passwords: PasswordHasher
  readonly attempts: AttemptLimits
  readonly clock: Clock
}

/**
 * Makes sure that whoever holds the session also knows the password (ASVS 7.5.1). Throws `validation_failed` for
 * `current_password`, which is no 401: the session is fine; and `too_many_attempts`.
 */
export const checkCurrentPassword =
  (deps: CheckCurrentPasswordDeps) =>
  async (user: User, typed: string): Promise<void> => {
    const { passwords, attempts, clock } = deps
    const budget = passwordChecksOf(user.id)
    const now = clock.now()
    const { matches } = await countAttempt({ attempts, room: passwords })([budget], now, () =>
      passwords.verify(typed, user.passwordHash, false),
    )
    if (!matches) {
      throw refuseField(
        'current_password',
        new InvalidValue('incorrect', 'This is not your current password.'),
      )
    }
    await attempts.prove(budget, [], now)
  }

import type { ClientAddress } from '../../domain/device.ts'
import { parseEmailAddress } from '../../domain/email-address.ts'
import { userCreated } from '../../domain/event.ts'
import { parseNewPassword } from '../../domain/password.ts'
import { registerUser as register, type User } from '../../domain/user.ts'
import { parseUsername } from '../../domain/username.ts'
import { registrationsFrom } from '../attempt-budgets.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import type { Transactions } from '../ports/transactions.ts'
import { validate } from '../validate.ts'
import { countAttempt } from './count-attempt.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

export interface RegisterUserDeps {
  readonly transactions: Transactions
  readonly passwords: PasswordHasher
  readonly passwordStrength: PasswordStrength
  readonly attempts: AttemptLimits
  readonly clock: Clock
  readonly passwordMinimumLength: number
}

export interface RegisterUserInput {
  readonly username: string
  readonly email: string
  readonly password: string
  readonly address: ClientAddress
}

/** Adds a person. Throws `validation_failed`, `username_taken`, `email_taken`, `too_many_attempts`, `overloaded`. */
export const registerUser =
  (deps: RegisterUserDeps) =>
  async (input: RegisterUserInput): Promise<User> => {
    const { username, email, password } = validate({
      username: () => parseUsername(input.username),
      email: () => parseEmailAddress(input.email),
      password: () => parseNewPassword(input.password, deps.passwordMinimumLength),
    })
    const budget = registrationsFrom(input.address)
    const passwordHash = await countAttempt({ attempts: deps.attempts, room: deps.passwords })(
      [budget],
      deps.clock.now(),
      async () => {
        // Judging a password takes the event loop milliseconds, so strangers are not let do it without limit.
        refuseWeakPassword(deps)('password', password, { username, email })
        return deps.passwords.hash(password)
      },
    )
    return deps.transactions.transaction(async (tx) => {
      const user = await tx.users.add(register(username, email, passwordHash, deps.clock.now()))
      await tx.outbox.add([userCreated(user)])
      return user
    })
  }

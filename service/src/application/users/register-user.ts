import { NEW_USER } from '../../domain/actor.ts'
import type { ClientAddress } from '../../domain/device.ts'
import { parseEmailAddress } from '../../domain/email-address.ts'
import { userCreated } from '../../domain/event.ts'
import { parseNewPassword } from '../../domain/password.ts'
import { parseFreeUsername, type ReservedUsernames } from '../../domain/reserved-usernames.ts'
import { registerUser as register, type User } from '../../domain/user.ts'
import { registrationsFrom } from '../attempt-budgets.ts'
import type { ErrorCode } from '../errors.ts'
import { registrationShare } from '../hashing-shares.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import type { Transactions } from '../ports/transactions.ts'
import { validate } from '../validate.ts'
import { countAttempt } from './count-attempt.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'
import { sellAttempt, type Purchase, type SellAttemptDeps } from './sell-attempt.ts'

export interface RegisterUserDeps extends SellAttemptDeps {
  readonly transactions: Transactions
  readonly passwords: PasswordHasher
  readonly passwordStrength: PasswordStrength
  readonly attempts: AttemptLimits
  readonly clock: Clock
  readonly passwordMinimumLength: number
  readonly registrationsPerNetwork: number
  readonly reservedUsernames: ReservedUsernames
}

export interface RegisterUserInput {
  readonly username: string
  readonly email: string
  readonly password: string
  readonly address: ClientAddress
  readonly purchase: Purchase | undefined
}

export const registerUserErrors = [
  'validation_failed',
  'username_taken',
  'email_taken',
  'too_many_attempts',
  'overloaded',
] as const satisfies readonly ErrorCode[]

/** Adds a user. Throws `validation_failed`, `username_taken`, `email_taken`, `too_many_attempts`, `overloaded`. */
export const registerUser =
  (deps: RegisterUserDeps) =>
  async (input: RegisterUserInput): Promise<User> => {
    const { username, email, password } = validate({
      username: () => parseFreeUsername(deps.reservedUsernames)(input.username),
      email: () => parseEmailAddress(input.email),
      password: () => parseNewPassword(input.password, deps.passwordMinimumLength),
    })
    const now = deps.clock.now()
    const share = registrationShare(input.address)
    const requireCapacity = () => deps.passwords.requireCapacity(share)
    const subject = `sign-up ${input.address.network}`
    const passwordHash = await sellAttempt(deps)(input.purchase, { subject, now }, (isBought) => {
      const budgets = isBought ? [] : registrationsFrom(input.address, deps.registrationsPerNetwork)
      return countAttempt({ attempts: deps.attempts, requireCapacity })(budgets, now, async () => {
        // Scoring a password blocks the event loop for milliseconds, so unauthenticated callers are rate-limited.
        refuseWeakPassword(deps)('password', password, { username, email })
        return deps.passwords.hash(password, share)
      })
    })
    return deps.transactions.transaction(NEW_USER, async (tx) => {
      const user = await tx.users.add(register(username, email, passwordHash, deps.clock.now()))
      await tx.outbox.add([userCreated(user)])
      return user
    })
  }

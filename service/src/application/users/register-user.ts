import { NEW_USER } from '../../domain/actor.ts'
import type { ClientAddress } from '../../domain/device.ts'
import { parseEmailAddress } from '../../domain/email-address.ts'
import { userCreated } from '../../domain/event.ts'
import { parseNewPassword } from '../../domain/password.ts'
import { parseFreeUsername, type ReservedUsernames } from '../../domain/reserved-usernames.ts'
import { registerUser as register, type User } from '../../domain/user.ts'
import { registrationsFrom } from '../attempt-budgets.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import { registrationShare } from '../hashing-shares.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import type { Invitations } from '../ports/invitations.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import { validate } from '../validate.ts'
import { countAttempt } from './count-attempt.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'
import { sellAttempt, type Purchase, type SellAttemptDeps } from './sell-attempt.ts'

/** Who may sign up: anybody, anybody with an invitation, or nobody. */
export type Registration = 'open' | 'invite' | 'closed'

export interface RegisterUserDeps extends SellAttemptDeps {
  readonly transactions: Transactions
  readonly passwords: PasswordHasher
  readonly passwordStrength: PasswordStrength
  readonly attempts: AttemptLimits
  readonly clock: Clock
  readonly passwordMinimumLength: number
  readonly registration: Registration
  readonly registrationsPerNetwork: number
  readonly invitations: Invitations
  readonly reservedUsernames: ReservedUsernames
  /** Without mail nobody can verify an address, so the first one who has it keeps it. */
  readonly mailIsOn: boolean
}

export interface RegisterUserInput {
  readonly username: string
  readonly email: string
  readonly password: string
  /** The token of an invitation. Ignored unless registration is by invitation. */
  readonly invitation: string | undefined
  readonly address: ClientAddress
  readonly purchase: Purchase | undefined
}

export const registerUserErrors = [
  'registration_closed',
  'invalid_invitation',
  'validation_failed',
  'username_taken',
  'email_taken',
  'too_many_attempts',
  'overloaded',
] as const satisfies readonly ErrorCode[]

/**
 * Adds a user. With mail, a taken address makes no difference: its owner gets a mail. Throws `registration_closed`,
 * `invalid_invitation`, `validation_failed`, `username_taken`, `email_taken`, `too_many_attempts`, `overloaded`.
 */
export const registerUser =
  (deps: RegisterUserDeps) =>
  async (input: RegisterUserInput): Promise<User> => {
    if (deps.registration === 'closed') throw new ApplicationError('registration_closed')
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
        await requireInvitation(deps, input.invitation, now)
        // Scoring a password takes milliseconds of a processor, so unauthenticated callers are rate-limited.
        await refuseWeakPassword(deps)('password', password, { username, email }, share)
        return deps.passwords.hash(password, share)
      })
    })
    return deps.transactions.transaction(NEW_USER, async (tx) => {
      const invitationId = await spendInvitation(deps, tx, input.invitation)
      const user = await tx.users.add(register(username, email, passwordHash, deps.clock.now()))
      if (!deps.mailIsOn) await tx.users.requireOnlyHolder(user)
      await tx.outbox.add([userCreated(user, invitationId)])
      return user
    })
  }

type InvitationDeps = Pick<RegisterUserDeps, 'registration' | 'invitations' | 'clock'>

/** Before the password is hashed. A missing token is looked up like any other. */
async function requireInvitation(
  { registration, invitations }: InvitationDeps,
  token = '',
  now: Date,
): Promise<void> {
  if (registration !== 'invite') return
  if (!(await invitations.isValid(token, now))) throw new ApplicationError('invalid_invitation')
}

/** Somebody else may have used it up while the password was hashed. */
async function spendInvitation(
  { registration, clock }: InvitationDeps,
  tx: Transaction,
  token = '',
): Promise<number | undefined> {
  if (registration !== 'invite') return undefined
  const id = await tx.invitations.spend(token, clock.now())
  if (id === undefined) throw new ApplicationError('invalid_invitation')
  return id
}

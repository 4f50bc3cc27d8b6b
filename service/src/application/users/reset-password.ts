import { userActor } from '../../domain/actor.ts'
import { emailVerified, passwordReset } from '../../domain/event.ts'
import { parseNewPassword, type NewPassword, type PasswordHash } from '../../domain/password.ts'
import { changePassword, verifyEmail, type User, type UserId } from '../../domain/user.ts'
import { newPasswordsOf } from '../attempt-budgets.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import { ownPasswordShare } from '../hashing-shares.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import type { Users } from '../ports/users.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { validate } from '../validate.ts'
import { countAttempt } from './count-attempt.ts'
import { followMailLink, type FollowedLink, type FollowMailLinkDeps } from './follow-mail-link.ts'
import { refuseDisabled } from './refuse-disabled.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

export interface ResetPasswordDeps extends FollowMailLinkDeps {
  readonly users: Users
  readonly transactions: Transactions
  readonly passwords: PasswordHasher
  readonly passwordStrength: PasswordStrength
  readonly passwordMinimumLength: number
  readonly accessTokenTtlSeconds: number
}

export interface ResetPasswordInput extends FollowedLink {
  readonly newPassword: string
}

export const resetPasswordErrors = [
  'validation_failed',
  'link_gone',
  'user_disabled',
  'too_many_attempts',
  'overloaded',
] as const satisfies readonly ErrorCode[]

/**
 * Sets a new password by a link from a mail, and ends every session: a thief may have one. The link is good until a password
 * is set, so a refused password does not use it up. Throws `validation_failed`, `link_gone`, `user_disabled`,
 * `too_many_attempts`, `overloaded`.
 */
export const resetPassword =
  (deps: ResetPasswordDeps) =>
  async (input: ResetPasswordInput): Promise<User> => {
    const { new_password: password } = validate({
      new_password: () => parseNewPassword(input.newPassword, deps.passwordMinimumLength),
    })
    return followMailLink(deps)(input, 'reset_password', async (link) => {
      const user = requireGood(await deps.users.find(link.userId), link, deps.clock.now())
      // Before the transaction: hashing inside would hold the user's lock for its whole time.
      const passwordHash = await hashAccepted(deps, user, password)
      return deps.transactions.transaction(userActor(user.id), async (tx) => {
        const now = deps.clock.now()
        // Again: of two browsers with one link, the other one may have set its password meanwhile.
        const locked = requireGood(await tx.users.lock(link.userId), link, now)
        const changed = await saveNewPassword(tx, locked, passwordHash, now)
        await endSessions(deps)(tx, await tx.sessions.lockLive(user.id, now), 'password_changed')
        return changed
      })
    })
  }

/** Throws `link_gone` if the password has changed since, or the user is deleted, and `user_disabled`. */
function requireGood(
  user: User | undefined,
  link: { readonly userId: UserId; readonly passwordVersion: number },
  now: Date,
): User {
  if (user?.passwordVersion !== link.passwordVersion) throw new ApplicationError('link_gone')
  refuseDisabled(user, now)
  return user
}

function hashAccepted(deps: ResetPasswordDeps, user: User, password: NewPassword): Promise<PasswordHash> {
  const { attempts, passwords, clock } = deps
  const share = ownPasswordShare(user.id)
  const requireCapacity = () => passwords.requireCapacity(share)
  return countAttempt({ attempts, requireCapacity })([newPasswordsOf(user.id)], clock.now(), async () => {
    await refuseWeakPassword(deps)('new_password', password, user, share)
    return passwords.hash(password, share)
  })
}

/** The link shows that the user reads the mail at the address, so that is verified, unless another user was faster. */
async function saveNewPassword(
  tx: Transaction,
  user: User,
  passwordHash: PasswordHash,
  now: Date,
): Promise<User> {
  const changed = changePassword(user, passwordHash)
  const isNewlyVerified =
    user.email !== undefined && !user.emailVerified && !(await tx.users.isVerifiedByAnother(user))
  const saved = isNewlyVerified ? verifyEmail(changed) : changed
  await tx.users.save(saved)
  await tx.outbox.add([passwordReset(user.id, now)])
  if (isNewlyVerified) await tx.outbox.add([emailVerified(user.id, now)])
  return saved
}

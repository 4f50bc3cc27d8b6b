import { userActor } from '../../domain/actor.ts'
import { methodsOf } from '../../domain/authentication-methods.ts'
import { passwordChanged } from '../../domain/event.ts'
import { parseNewPassword } from '../../domain/password.ts'
import type { Session } from '../../domain/session.ts'
import { changePassword as change, hasFactor, type User } from '../../domain/user.ts'
import { newPasswordsOf } from '../attempt-budgets.ts'
import type { ErrorCode } from '../errors.ts'
import { ownPasswordShare } from '../hashing-shares.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { issueTokens, type IssuedTokens } from '../sessions/issue-tokens.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { renewTokens, type Proven, type RenewTokensDeps } from '../sessions/renew-tokens.ts'
import {
  requireRecentFactor,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'
import { validate } from '../validate.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from './check-current-password.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

export interface ChangePasswordDeps
  extends CheckCurrentPasswordDeps, RenewTokensDeps, RequireRecentAuthenticationDeps {
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly passwordStrength: PasswordStrength
  readonly passwordMinimumLength: number
}

export const changePasswordErrors = [
  'reauthentication_required',
  'validation_failed',
  'too_many_attempts',
  'overloaded',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Sets a new password and ends every session but the caller's, which gets new tokens: nothing that was copied before works
 * afterwards. Throws `reauthentication_required` if the user has a second factor and did not use it recently,
 * `validation_failed`, `too_many_attempts`.
 */
export const changePassword =
  (deps: ChangePasswordDeps) =>
  async (caller: Caller, input: { currentPassword: string; newPassword: string }): Promise<IssuedTokens> => {
    requireRecentFactor(deps)(caller)
    const { new_password: password } = validate({
      new_password: () => parseNewPassword(input.newPassword, deps.passwordMinimumLength),
    })
    // Before the strength check, so that only a caller who knows the password can make the service do that work.
    await checkCurrentPassword(deps)(caller, input.currentPassword)
    await deps.attempts.take([newPasswordsOf(caller.user.id)], deps.clock.now())
    const share = ownPasswordShare(caller.user.id)
    await refuseWeakPassword(deps)('new_password', password, caller.user, share)
    // Before the transaction: hashing inside would hold the user's lock for its whole time.
    const passwordHash = await deps.passwords.hash(password, share)
    const session = await deps.transactions.transaction(userActor(caller.user.id), async (tx) => {
      const now = deps.clock.now()
      const { user, session, others } = await lockCaller(tx, caller, now)
      await tx.users.save(change(user, passwordHash))
      await tx.outbox.add([passwordChanged(caller.session, now)])
      await endSessions(deps)(tx, others, 'password_changed')
      return renewTokens(deps)(tx, session, provenWithPassword(user, session))
    })
    return issueTokens(deps)(session, session.refreshedAt)
  }

/** A factor that was used recently still counts, from the time when it was used. */
const provenWithPassword = (user: User, { amr, authTime }: Session): Proven =>
  hasFactor(user) ? { amr: methodsOf([...amr, 'pwd']), authTime } : { amr: methodsOf(['pwd']) }

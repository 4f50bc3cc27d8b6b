import { userActor } from '../../domain/actor.ts'
import { sessionReauthenticated } from '../../domain/event.ts'
import type { ErrorCode } from '../errors.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Transactions } from '../ports/transactions.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from '../users/check-current-password.ts'
import type { Caller } from './caller.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'
import { lockCaller } from './lock-caller.ts'
import { renewTokens, type RenewTokensDeps } from './renew-tokens.ts'

export interface ReauthenticateDeps extends CheckCurrentPasswordDeps, RenewTokensDeps {
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
}

export const reauthenticateErrors = [
  'validation_failed',
  'too_many_attempts',
  'overloaded',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Returns tokens with a new `auth_time` to a caller who enters the password again. Earlier tokens of the session are
 * withdrawn, because a copy of them must not pass for the user who has just entered the password. Throws
 * `validation_failed` for a wrong password, `too_many_attempts`.
 */
export const reauthenticate =
  (deps: ReauthenticateDeps) =>
  async (caller: Caller, { currentPassword }: { currentPassword: string }): Promise<IssuedTokens> => {
    await checkCurrentPassword(deps)(caller, currentPassword)
    const session = await deps.transactions.transaction(userActor(caller.user.id), async (tx) => {
      const { session } = await lockCaller(tx, caller, deps.clock.now())
      const renewed = await renewTokens(deps)(tx, session)
      await tx.outbox.add([sessionReauthenticated(renewed)])
      return renewed
    })
    return issueTokens(deps)(session, session.refreshedAt)
  }

import { userActor } from '../../domain/actor.ts'
import { userDeleted } from '../../domain/event.ts'
import { secondsAfter } from '../../domain/session.ts'
import { deleteUser as emptied, RELEASED_NAME_SECONDS } from '../../domain/user.ts'
import type { ErrorCode } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import {
  requireRecentFactor,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from './check-current-password.ts'

export interface DeleteUserDeps extends CheckCurrentPasswordDeps, RequireRecentAuthenticationDeps {
  readonly transactions: Transactions
  readonly accessTokenTtlSeconds: number
}

export const deleteUserErrors = [
  'reauthentication_required',
  'validation_failed',
  'too_many_attempts',
  'overloaded',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Deletes the caller: every session ends, and no personal data is left. The number is never given again, the name not for
 * 90 days. Throws `reauthentication_required` if the user has a second factor and did not use it recently,
 * `validation_failed` for a wrong password, `too_many_attempts`.
 */
export const deleteUser =
  (deps: DeleteUserDeps) =>
  async (caller: Caller, { currentPassword }: { currentPassword: string }): Promise<void> => {
    requireRecentFactor(deps)(caller)
    await checkCurrentPassword(deps)(caller, currentPassword)
    await deps.transactions.transaction(userActor(caller.user.id), async (tx) => {
      const now = deps.clock.now()
      const { user, session, others } = await lockCaller(tx, caller, now)
      await endSessions(deps)(tx, [session, ...others], 'user_deleted')
      await tx.sessions.forgetDevices(user.id)
      await tx.users.holdName(user.username, secondsAfter(now, RELEASED_NAME_SECONDS), undefined)
      await tx.media.remove(user.id)
      await tx.emailChanges.forget(user.id)
      await tx.factors.removeAll(user.id)
      await tx.users.save(emptied(user, now))
      await tx.outbox.redact(user.id)
      await tx.outbox.add([userDeleted(user, now)])
      await tx.audit.forget(user.id)
    })
  }

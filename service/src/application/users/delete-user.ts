import { userDeleted } from '../../domain/event.ts'
import { secondsAfter } from '../../domain/session.ts'
import { deleteUser as emptied } from '../../domain/user.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/authenticate.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from './check-current-password.ts'

/** Long enough that people who knew the name have noticed whose it no longer is. */
const NAME_GRACE_SECONDS = 90 * 24 * 3600

export interface DeleteUserDeps extends CheckCurrentPasswordDeps {
  readonly transactions: Transactions
  readonly accessTokenTtlSeconds: number
}

/**
 * Deletes the caller: every session ends, and nothing that says who they were is left. Their number is never given again,
 * their name not for 90 days. Throws `validation_failed` for a wrong password, `too_many_attempts`.
 */
export const deleteUser =
  (deps: DeleteUserDeps) =>
  async (caller: Caller, { currentPassword }: { currentPassword: string }): Promise<void> => {
    await checkCurrentPassword(deps)(caller.user, currentPassword)
    await deps.transactions.transaction(async (tx) => {
      const now = deps.clock.now()
      const { user, live } = await lockCaller(tx, caller, now)
      await endSessions(deps)(tx, live, 'user_deleted')
      await tx.sessions.forgetDevices(user.id)
      await tx.users.holdName(user.username, secondsAfter(now, NAME_GRACE_SECONDS))
      await tx.media.remove(user.id)
      await tx.users.save(emptied(user, now))
      await tx.outbox.scrub(user.id)
      await tx.outbox.add([userDeleted(user, now)])
    })
  }

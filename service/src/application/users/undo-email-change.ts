import { userActor } from '../../domain/actor.ts'
import { emailChangeUndone, passwordResetRequested } from '../../domain/event.ts'
import { restoreEmail, type User } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { followMailLink, type FollowedLink, type FollowMailLinkDeps } from './follow-mail-link.ts'

export interface UndoEmailChangeDeps extends FollowMailLinkDeps {
  readonly transactions: Transactions
  readonly accessTokenTtlSeconds: number
}

export const undoEmailChangeErrors = [
  'link_gone',
  'too_many_attempts',
] as const satisfies readonly ErrorCode[]

/**
 * Gives a user the verified address back that somebody has changed, and ends every session: that somebody has one. Links for a
 * new password that were sent meanwhile are void, and the address gets one. Throws `link_gone`, `too_many_attempts`.
 *
 * It removes this change and all later ones. So a link to an address before it can still undo an earlier change.
 */
export const undoEmailChange =
  (deps: UndoEmailChangeDeps) =>
  (link: FollowedLink): Promise<User> =>
    followMailLink(deps)(link, 'undo_email_change', ({ userId, emailVersion }) =>
      deps.transactions.transaction(userActor(userId), async (tx) => {
        const now = deps.clock.now()
        const user = await tx.users.lock(userId)
        const change = user && (await tx.emailChanges.find(userId, emailVersion))
        if (user === undefined || change?.previousWasVerified !== true)
          throw new ApplicationError('link_gone')
        // Another user may have verified the address meanwhile. Then it comes back, but is not this user's alone.
        const isTaken = await tx.users.isVerifiedByAnother({ id: userId, email: change.previous })
        const restored = restoreEmail(user, change.previous, !isTaken)
        await tx.users.save(restored)
        await tx.emailChanges.removeFrom(userId, emailVersion)
        await tx.outbox.add([emailChangeUndone(userId, now)])
        // Not by a request of the owner: whoever changed the address can have used up the budget of requests for this one.
        if (restored.emailVerified) await tx.outbox.add([passwordResetRequested(restored, now)])
        await endSessions(deps)(tx, await tx.sessions.lockLive(userId, now), 'credentials_changed')
        return restored
      }),
    )

import { userActor } from '../../domain/actor.ts'
import type { UserId } from '../../domain/user.ts'
import type { ErrorCode } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import { followMailLink, type FollowedLink, type FollowMailLinkDeps } from '../users/follow-mail-link.ts'
import { endSessions } from './end-sessions.ts'

export interface EndSessionByLinkDeps extends FollowMailLinkDeps {
  readonly transactions: Transactions
  readonly accessTokenTtlSeconds: number
}

export const endSessionByLinkErrors = [
  'link_gone',
  'too_many_attempts',
] as const satisfies readonly ErrorCode[]

/**
 * Ends the session that a mail about a new sign-in names. If it has ended, nothing changes. Throws `link_gone`,
 * `too_many_attempts`.
 */
export const endSessionByLink =
  (deps: EndSessionByLinkDeps) =>
  (link: FollowedLink): Promise<UserId> =>
    followMailLink(deps)(link, 'end_session', ({ userId, sessionId }) =>
      deps.transactions.transaction(userActor(userId), async (tx) => {
        await tx.users.lock(userId)
        const session = await tx.sessions.lock(userId, sessionId)
        if (session !== undefined) await endSessions(deps)(tx, [session], 'terminated')
        return userId
      }),
    )

import type { UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import { endSessions } from './end-sessions.ts'
import type { EndOwnSessionsDeps } from './end-own-sessions.ts'

/** Ends all sessions of a person on an operator's order. Throws `user_not_found`. */
export const endUserSessions =
  (deps: EndOwnSessionsDeps) =>
  (userId: UserId): Promise<void> =>
    deps.transactions.transaction(async (tx) => {
      if ((await tx.users.lock(userId)) === undefined) throw new ApplicationError('user_not_found')
      const live = await tx.sessions.lockLive(userId, deps.clock.now())
      await endSessions(deps)(tx, live, 'terminated_by_admin')
    })

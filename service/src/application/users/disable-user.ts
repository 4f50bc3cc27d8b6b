import { userDisabled } from '../../domain/event.ts'
import { disable, isDisabled, type UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { EndOwnSessionsDeps } from '../sessions/end-own-sessions.ts'
import { endSessions } from '../sessions/end-sessions.ts'

/** Bans a person: no sign-in, and every session ends. Repeating it changes nothing. Throws `user_not_found`. */
export const disableUser =
  (deps: EndOwnSessionsDeps) =>
  (userId: UserId, reason: string): Promise<void> =>
    deps.transactions.transaction(async (tx) => {
      const now = deps.clock.now()
      const user = await tx.users.lock(userId)
      if (user === undefined) throw new ApplicationError('user_not_found')
      if (isDisabled(user)) return
      await tx.users.save(disable(user, reason, now))
      await tx.outbox.add([userDisabled(user, reason, now)])
      await endSessions(deps)(tx, await tx.sessions.lockLive(userId, now), 'user_disabled')
    })

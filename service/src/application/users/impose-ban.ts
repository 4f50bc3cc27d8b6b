import type { Actor } from '../../domain/actor.ts'
import { isSameBan, type Ban } from '../../domain/ban.ts'
import { userDisabled } from '../../domain/event.ts'
import { banOf, disable, type UserId } from '../../domain/user.ts'
import type { EndOwnSessionsDeps } from '../sessions/end-own-sessions.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { lockForOperator } from './lock-for-operator.ts'

export type NewBan = Omit<Ban, 'since'>

/** Writes a ban, which replaces an earlier one, and ends all sessions. Throws `user_not_found`, `insufficient_role`. */
export const imposeBan =
  (deps: EndOwnSessionsDeps) =>
  (actor: Actor, userId: UserId, wanted: NewBan): Promise<void> =>
    deps.transactions.transaction(actor, async (tx) => {
      const now = deps.clock.now()
      const user = await lockForOperator(tx, { actor, userId, change: 'disable', now })
      const ban = { ...wanted, since: now }
      const current = banOf(user, now)
      // A repeated request changes nothing.
      if (current !== undefined && isSameBan(current, ban)) return
      await tx.users.save(disable(user, ban))
      await tx.outbox.add([userDisabled(userId, ban)])
      await endSessions(deps)(tx, await tx.sessions.lockLive(userId, now), 'user_disabled')
    })

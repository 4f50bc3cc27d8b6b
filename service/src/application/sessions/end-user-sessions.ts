import type { Actor } from '../../domain/actor.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import { lockForOperator, lockForOperatorErrors } from '../users/lock-for-operator.ts'
import { endSessions } from './end-sessions.ts'
import type { EndOwnSessionsDeps } from './end-own-sessions.ts'

export const endUserSessionsErrors = lockForOperatorErrors

/** Ends all sessions of a user on an operator's order. Throws `user_not_found`, `insufficient_role`. */
export const endUserSessions =
  (deps: EndOwnSessionsDeps) =>
  (actor: Actor, userId: UserId): Promise<void> =>
    deps.transactions.transaction(actor, async (tx) => {
      const now = deps.clock.now()
      await lockForOperator(tx, { actor, userId, change: 'end_sessions', now })
      const live = await tx.sessions.lockLive(userId, now)
      await endSessions(deps)(tx, live, 'terminated_by_admin')
    })

export const endUserSessionErrors = [
  ...lockForOperatorErrors,
  'session_not_found',
] as const satisfies readonly ErrorCode[]

/** Ends one session of a user on an operator's order. Throws `user_not_found`, `insufficient_role`, `session_not_found`. */
export const endUserSession =
  (deps: EndOwnSessionsDeps) =>
  (actor: Actor, userId: UserId, id: SessionId): Promise<void> =>
    deps.transactions.transaction(actor, async (tx) => {
      await lockForOperator(tx, { actor, userId, change: 'end_sessions', now: deps.clock.now() })
      const session = await tx.sessions.lock(userId, id)
      if (session === undefined) throw new ApplicationError('session_not_found')
      await endSessions(deps)(tx, [session], 'terminated_by_admin')
    })

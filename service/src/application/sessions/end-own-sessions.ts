import { userActor } from '../../domain/actor.ts'
import type { SessionId } from '../../domain/session.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from './caller.ts'
import { endSessions, type EndSessionsDeps } from './end-sessions.ts'

export interface EndOwnSessionsDeps extends EndSessionsDeps {
  readonly transactions: Transactions
}

export const endOwnSessionErrors = ['session_not_found'] as const satisfies readonly ErrorCode[]

/**
 * Ends one session of the caller: with `signed_out` if it is the current one, otherwise with `terminated`. Throws
 * `session_not_found` if the caller has no session with this id.
 */
export const endOwnSession =
  (deps: EndOwnSessionsDeps) =>
  ({ user, session: current }: Caller, id: SessionId): Promise<void> =>
    deps.transactions.transaction(userActor(user.id), async (tx) => {
      await tx.users.lock(user.id)
      const session = await tx.sessions.lock(user.id, id)
      if (session === undefined) throw new ApplicationError('session_not_found')
      const reason = id === current.id ? 'signed_out' : 'terminated'
      await endSessions(deps)(tx, [session], reason)
    })

/** Ends all sessions of the caller, or all but the current one. */
export const endAllOwnSessions =
  (deps: EndOwnSessionsDeps) =>
  ({ user, session: current }: Caller, { keepCurrent }: { keepCurrent: boolean }): Promise<void> =>
    deps.transactions.transaction(userActor(user.id), async (tx) => {
      await tx.users.lock(user.id)
      const live = await tx.sessions.lockLive(user.id, deps.clock.now())
      const end = endSessions(deps)
      const others = live.filter(({ id }) => id !== current.id)
      await end(tx, others, 'terminated')
      if (keepCurrent) return
      const own = live.filter(({ id }) => id === current.id)
      await end(tx, own, 'signed_out')
    })

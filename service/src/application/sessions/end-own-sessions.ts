import type { SessionId } from '../../domain/session.ts'
import { ApplicationError } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from './authenticate.ts'
import { endSessions, type EndSessionsDeps } from './end-sessions.ts'

export interface EndOwnSessionsDeps extends EndSessionsDeps {
  readonly transactions: Transactions
}

/**
 * Ends one session of the caller's: `signed_out` when it is the one that asks, `terminated` when it is another. Throws
 * `session_not_found` for an id that is not theirs, whosever it is.
 */
export const endOwnSession =
  (deps: EndOwnSessionsDeps) =>
  ({ user, session: current }: Caller, id: SessionId): Promise<void> =>
    deps.transactions.transaction(async (tx) => {
      await tx.users.lock(user.id)
      const session = await tx.sessions.lock(user.id, id)
      if (session === undefined) throw new ApplicationError('session_not_found')
      const reason = id === current.id ? 'signed_out' : 'terminated'
      await endSessions(deps)(tx, [session], reason)
    })

/** Ends all sessions of the caller's, or all but the one that asks. */
export const endAllOwnSessions =
  (deps: EndOwnSessionsDeps) =>
  ({ user, session: current }: Caller, { keepCurrent }: { keepCurrent: boolean }): Promise<void> =>
    deps.transactions.transaction(async (tx) => {
      await tx.users.lock(user.id)
      const live = await tx.sessions.lockLive(user.id, deps.clock.now())
      const end = endSessions(deps)
      const others = live.filter(({ id }) => id !== current.id)
      await end(tx, others, 'terminated')
      if (keepCurrent) return
      const own = live.filter(({ id }) => id === current.id)
      await end(tx, own, 'signed_out')
    })

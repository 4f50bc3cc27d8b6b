import { SYSTEM } from '../../domain/actor.ts'
import type { Transactions } from '../ports/transactions.ts'
import { endSessions, type EndSessionsDeps } from './end-sessions.ts'

export interface ExpireSessionsDeps extends EndSessionsDeps {
  readonly transactions: Transactions
}

/** Marks up to `limit` expired sessions as ended. Returns how many. Their tokens have expired too. */
export const expireSessions =
  (deps: ExpireSessionsDeps) =>
  (limit: number): Promise<number> =>
    deps.transactions.transaction(SYSTEM, async (tx) => {
      const expired = await tx.sessions.lockExpired(deps.clock.now(), limit)
      const ended = await endSessions(deps)(tx, expired, 'expired')
      return ended.length
    })

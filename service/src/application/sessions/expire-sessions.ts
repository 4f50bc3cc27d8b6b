import type { Transactions } from '../ports/transactions.ts'
import { endSessions, type EndSessionsDeps } from './end-sessions.ts'

export interface ExpireSessionsDeps extends EndSessionsDeps {
  readonly transactions: Transactions
}

/** Marks up to `limit` sessions that have run out as ended; answers how many. Their tokens ran out with them. */
export const expireSessions =
  (deps: ExpireSessionsDeps) =>
  (limit: number): Promise<number> =>
    deps.transactions.transaction(async (tx) => {
      const runOut = await tx.sessions.lockRunOut(deps.clock.now(), limit)
      const ended = await endSessions(deps)(tx, runOut, 'expired')
      return ended.length
    })

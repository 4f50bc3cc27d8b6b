import { SYSTEM } from '../../domain/actor.ts'
import { userEnabled } from '../../domain/event.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'

/**
 * Clears up to `limit` bans that are over, so that consumers of events learn it. Returns how many. Sign-in does not wait for
 * this: it compares the time itself.
 */
export const liftBans =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (limit: number): Promise<number> =>
    transactions.transaction(SYSTEM, async (tx) => {
      const now = clock.now()
      const lifted = await tx.users.liftBans(now, limit)
      await tx.outbox.add(lifted.map((userId) => userEnabled(userId, undefined, now)))
      return lifted.length
    })

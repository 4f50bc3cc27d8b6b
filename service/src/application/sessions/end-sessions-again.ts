import { SYSTEM } from '../../domain/actor.ts'
import type { EndReason } from '../../domain/session.ts'
import type { SessionKey } from '../ports/sessions.ts'
import type { EndOwnSessionsDeps } from './end-own-sessions.ts'
import { endSessions } from './end-sessions.ts'

export interface KnownEnd extends SessionKey {
  readonly reason: EndReason
}

/**
 * Ends sessions again whose end a restored backup does not know. Sessions that are unknown or ended are left out. Returns how
 * many ended.
 */
export const endSessionsAgain =
  (deps: EndOwnSessionsDeps) =>
  (ends: readonly KnownEnd[]): Promise<number> =>
    deps.transactions.transaction(SYSTEM, async (tx) => {
      const reasonOf = new Map(ends.map(({ userId, id, reason }) => [`${userId} ${id}`, reason]))
      const byReason = Map.groupBy(await tx.sessions.lockAll(ends), ({ userId, id }) =>
        reasonOf.get(`${userId} ${id}`),
      )
      let count = 0
      for (const [reason, sessions] of byReason)
        if (reason !== undefined) count += (await endSessions(deps)(tx, sessions, reason)).length
      return count
    })

import { sessionEnded } from '../../domain/event.ts'
import { revocationOf } from '../../domain/revocation.ts'
import { endSession, type EndReason, type Session } from '../../domain/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transaction } from '../ports/transactions.ts'

export interface EndSessionsDeps {
  readonly clock: Clock
  readonly accessTokenTtlSeconds: number
}

/**
 * The one way a session ends: its end, its revocation and its event become durable together or not at all. The caller
 * has locked the sessions in `tx`. Returns the sessions that were not ended before; ending twice changes nothing.
 */
export const endSessions =
  ({ clock, accessTokenTtlSeconds }: EndSessionsDeps) =>
  async (tx: Transaction, sessions: readonly Session[], reason: EndReason): Promise<readonly Session[]> => {
    if (sessions.length === 0) return []
    // Read after the locks: an earlier time could lie before the last refresh, and the revocation would expire too early.
    const now = clock.now()
    const ended = await tx.sessions.saveEnded(sessions.map((session) => endSession(session, reason, now)))
    const revocations = ended.map((session) => revocationOf(session, accessTokenTtlSeconds))
    await tx.revocations.add(revocations.filter((revocation) => revocation !== undefined))
    await tx.outbox.add(ended.map((session) => sessionEnded(session, now)))
    return ended
  }

import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { ReceiptBuffer } from './receipt-buffer.ts'

/** What another service reports: it saw an access token of that generation used. */
export interface Sighting {
  readonly sessionId: SessionId
  /** Left out by services that do not know; the session's is looked up. */
  readonly userId: UserId | undefined
  readonly generation: number
  readonly seenAt: Date
}

export interface NoteReceiptsDeps {
  readonly sessions: Sessions
  readonly receipts: ReceiptBuffer
  readonly clock: Clock
}

/** Notes what other services have seen. Sightings of sessions that are unknown change nothing. */
export const noteReceipts =
  ({ sessions, receipts, clock }: NoteReceiptsDeps) =>
  async (sightings: readonly Sighting[]): Promise<void> => {
    const now = clock.now()
    const withoutUser = sightings.filter(({ userId }) => userId === undefined)
    const users = await sessions.usersOf(withoutUser.map(({ sessionId }) => sessionId))
    for (const { sessionId, generation, seenAt, ...sighting } of sightings) {
      const userId = sighting.userId ?? users.get(sessionId)
      if (userId === undefined) continue
      // Clocks of others may be fast.
      receipts.add({ userId, sessionId, generation, seenAt: seenAt < now ? seenAt : now })
    }
  }

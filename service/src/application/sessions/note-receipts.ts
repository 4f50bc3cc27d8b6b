import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { ReceiptProofs } from '../ports/receipt-proofs.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { ReceiptBuffer } from './receipt-buffer.ts'

/** A report by another service that it saw an access token of that generation used. */
export interface Sighting {
  readonly sessionId: SessionId
  /** Undefined if the service does not know it. Then it is looked up by the session. */
  readonly userId: UserId | undefined
  readonly generation: number
  readonly seenAt: Date
  /** The `rcp` of the token. Undefined from a verifier that does not know it yet. */
  readonly proof: string | undefined
}

export interface NoteReceiptsDeps {
  readonly sessions: Sessions
  readonly receipts: ReceiptBuffer
  readonly receiptProofs: ReceiptProofs
  readonly clock: Clock
}

/** How many sightings were ignored, by cause. */
export interface IgnoredSightings {
  readonly no_proof: number
  readonly wrong_proof: number
}

/**
 * Records the sightings of other services as receipts. A sighting without the proof of its token is ignored: otherwise the
 * holder of a service key could confirm a generation whose tokens were lost, and the user's next refresh would be a replay.
 * Sightings of unknown sessions are ignored, too.
 */
export const noteReceipts =
  ({ sessions, receipts, receiptProofs, clock }: NoteReceiptsDeps) =>
  async (sightings: readonly Sighting[]): Promise<IgnoredSightings> => {
    const now = clock.now()
    const withProof = sightings.filter(({ proof }) => proof !== undefined)
    const proven = withProof.filter(
      ({ sessionId, generation, proof }) =>
        proof !== undefined && receiptProofs.verify(sessionId, generation, proof),
    )
    const withoutUser = proven.filter(({ userId }) => userId === undefined)
    const users = await sessions.usersOf(withoutUser.map(({ sessionId }) => sessionId))
    for (const { sessionId, generation, seenAt, ...sighting } of proven) {
      const userId = sighting.userId ?? users.get(sessionId)
      if (userId === undefined) continue
      // Clocks of others may be fast.
      receipts.add({ userId, sessionId, generation, seenAt: seenAt < now ? seenAt : now })
    }
    return {
      no_proof: sightings.length - withProof.length,
      wrong_proof: withProof.length - proven.length,
    }
  }

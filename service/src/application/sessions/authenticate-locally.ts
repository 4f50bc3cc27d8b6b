import type { SessionId } from '../../domain/session.ts'
import { ApplicationError, unavailable, type ErrorCode } from '../errors.ts'
import type { AccessClaims, AccessTokens } from '../ports/access-tokens.ts'
import type { Clock } from '../ports/clock.ts'
import type { Receipt } from '../ports/sessions.ts'
import { MAX_STALENESS_SECONDS, type RevocationFeed } from '../revocations/revocation-feed.ts'
import type { ReceiptBuffer } from './receipt-buffer.ts'

export interface AuthenticateLocallyDeps {
  readonly accessTokens: AccessTokens
  readonly feed: Pick<RevocationFeed, 'settle' | 'revocationOf'>
  /** The age of this instance's copy of the revocation log. */
  readonly feedStalenessSeconds: () => number
  readonly receipts: ReceiptBuffer
  readonly clock: Clock
}

export const authenticateLocallyErrors = [
  'authentication_required',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/** The regular read is a second away. */
const RETRY_AFTER_SECONDS = 1
/** Enough for the sessions that are active at the same time. */
const REMEMBERED_SESSIONS = 10_000

/**
 * Returns the claims of an access token, and records that the token was used. Instead of reading the session from the
 * database, it looks into this instance's copy of the revocation log, which holds every end committed here. Ends at another
 * instance arrive within the delay of the feed. Throws `unavailable` if the copy is old.
 */
export const authenticateLocally = (deps: AuthenticateLocallyDeps) => {
  const noteFirst = firstSightings(deps.receipts)
  return async (accessToken: string | undefined): Promise<AccessClaims> => {
    if (accessToken === undefined) throw new ApplicationError('authentication_required')
    const now = deps.clock.now()
    const claims = deps.accessTokens.verify(accessToken, now)
    if (claims === undefined) throw new ApplicationError('invalid_access_token')
    await deps.feed.settle()
    if (deps.feedStalenessSeconds() > MAX_STALENESS_SECONDS)
      throw unavailable('This instance has not read the revocation log for seconds.', RETRY_AFTER_SECONDS)
    const { sessionId, userId, generation } = claims
    const revocation = deps.feed.revocationOf(sessionId)
    if (revocation !== undefined) {
      const { reason, upToGeneration } = revocation
      if (upToGeneration === undefined) throw new ApplicationError('session_ended', { reason })
      if (generation <= upToGeneration) throw new ApplicationError('invalid_access_token')
    }
    noteFirst({ userId, sessionId, generation, seenAt: now })
    return claims
  }
}

/** A receipt is needed only for the first request of each generation, and each receipt is a write. */
function firstSightings(receipts: ReceiptBuffer): (receipt: Receipt) => void {
  const noted = new Map<SessionId, number>()
  return (receipt) => {
    const { sessionId, generation } = receipt
    if (generation <= (noted.get(sessionId) ?? -1)) return
    if (noted.size >= REMEMBERED_SESSIONS) noted.clear()
    noted.set(sessionId, generation)
    receipts.add(receipt)
  }
}

import {
  earlier,
  endReasonOf,
  runsOutAt,
  secondsAfter,
  type EndReason,
  type Session,
  type SessionId,
} from './session.ts'
import type { UserId } from './user.ts'

/** Tells verifiers to refuse the tokens of a session that ended before its time. */
export interface Revocation {
  readonly sessionId: SessionId
  readonly userId: UserId
  readonly reason: EndReason
  /** From then on no access token of the session can be valid any more. */
  readonly expiresAt: Date
}

/**
 * A refresh that overlapped with the end may have handed out its token a little later, and clocks of instances differ a
 * little.
 */
const MARGIN_SECONDS = 60

/** The revocation of a session that just ended; none for one that ran out, since its tokens did too. */
export function revocationOf(ended: Session, accessTokenTtlSeconds: number): Revocation | undefined {
  if (ended.endedAt === undefined || ended.endReason === 'expired') return undefined
  const lastTokenExpiresAt = earlier(secondsAfter(ended.endedAt, accessTokenTtlSeconds), runsOutAt(ended))
  return {
    sessionId: ended.id,
    userId: ended.userId,
    reason: endReasonOf(ended),
    expiresAt: secondsAfter(lastTokenExpiresAt, MARGIN_SECONDS),
  }
}

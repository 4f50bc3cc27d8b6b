import {
  earlier,
  END_REASONS,
  endReasonOf,
  isLive,
  expiryOf,
  later,
  secondsAfter,
  type Session,
  type SessionId,
} from './session.ts'
import type { UserId } from './user.ts'

/** Why access tokens are refused before they expire: their session ended, or newer ones took their place. */
export const REVOCATION_REASONS = [...END_REASONS, 'roles_changed', 'tokens_renewed'] as const

/** Tells verifiers to refuse all tokens of an ended session, or the older tokens of a session that continues. */
export interface Revocation {
  readonly sessionId: SessionId
  readonly userId: UserId
  readonly reason: (typeof REVOCATION_REASONS)[number]
  /** The last generation whose tokens are refused. Undefined if the session has ended: then every token is refused. */
  readonly upToGeneration: number | undefined
  /** The time at which the last of these access tokens has expired. */
  readonly expiresAt: Date
}

/**
 * A refresh that overlapped with the end may have issued its token a little later, and the clocks of instances differ a
 * little.
 */
const MARGIN_SECONDS = 60

/**
 * The revocation of a session that has just ended. An expired session needs none, because its tokens have expired too.
 */
export function revocationOf(ended: Session, accessTokenTtlSeconds: number): Revocation | undefined {
  if (ended.endedAt === undefined || ended.endReason === 'expired') return undefined
  return {
    sessionId: ended.id,
    userId: ended.userId,
    reason: endReasonOf(ended),
    upToGeneration: undefined,
    expiresAt: lastTokenGoneAt(ended, accessTokenTtlSeconds, ended.endedAt),
  }
}

/**
 * The revocation of a session's tokens issued so far, after a change of roles or a renewal. An ended or expired session needs none.
 */
export function outdatedTokensOf(
  session: Session,
  reason: 'roles_changed' | 'tokens_renewed',
  accessTokenTtlSeconds: number,
  now: Date,
): Revocation | undefined {
  if (!isLive(session, now)) return undefined
  return {
    sessionId: session.id,
    userId: session.userId,
    reason,
    upToGeneration: session.generation,
    expiresAt: lastTokenGoneAt(session, accessTokenTtlSeconds, now),
  }
}

/** A clock that was ahead has issued tokens that expire later than those of now. */
function lastTokenGoneAt(session: Session, ttlSeconds: number, now: Date): Date {
  const lastIssuedAt = later(now, session.refreshedAt)
  return secondsAfter(earlier(secondsAfter(lastIssuedAt, ttlSeconds), expiryOf(session)), MARGIN_SECONDS)
}

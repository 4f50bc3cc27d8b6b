import {
  earlier,
  END_REASONS,
  endReasonOf,
  isLive,
  runsOutAt,
  secondsAfter,
  type Session,
  type SessionId,
} from './session.ts'
import type { UserId } from './user.ts'

/** Why access tokens are refused before they expire: the end of their session, or that they say what is no longer so. */
export const REVOCATION_REASONS = [...END_REASONS, 'roles_changed'] as const

/** Tells verifiers to refuse the tokens of a session that ended before its time, or the older ones of one that goes on. */
export interface Revocation {
  readonly sessionId: SessionId
  readonly userId: UserId
  readonly reason: (typeof REVOCATION_REASONS)[number]
  /** The last generation whose tokens are refused; undefined when the session is over, and with it every token. */
  readonly upToGeneration: number | undefined
  /** From then on none of those access tokens can be valid any more. */
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
  return {
    sessionId: ended.id,
    userId: ended.userId,
    reason: endReasonOf(ended),
    upToGeneration: undefined,
    expiresAt: lastTokenGoneAt(ended, accessTokenTtlSeconds, ended.endedAt),
  }
}

/** The revocation of the tokens a session has had so far, since its roles changed; none once it is over or has run out. */
export function outdatedTokensOf(
  session: Session,
  accessTokenTtlSeconds: number,
  now: Date,
): Revocation | undefined {
  if (!isLive(session, now)) return undefined
  return {
    sessionId: session.id,
    userId: session.userId,
    reason: 'roles_changed',
    upToGeneration: session.generation,
    expiresAt: lastTokenGoneAt(session, accessTokenTtlSeconds, now),
  }
}

const lastTokenGoneAt = (session: Session, ttlSeconds: number, lastIssuedAt: Date): Date =>
  secondsAfter(earlier(secondsAfter(lastIssuedAt, ttlSeconds), runsOutAt(session)), MARGIN_SECONDS)

import type { Claims, SessionEnd } from '../token-types.ts'

/** The part of a verifier that a socket guard needs. */
export interface GuardSource {
  /** Calls `listener` for each session end. Returns a function that unsubscribes it. */
  onSessionEnded(listener: (end: SessionEnd) => void): () => void
  /** Calls `listener` each time the verifier becomes stale and therefore refuses tokens. */
  onStale(listener: () => void): () => void
  /** Calls `listener` when the verifier closes, because nothing guards a socket from then on. */
  onClosed(listener: (closesSockets: boolean) => void): () => void
  /** True once the verifier is closed. */
  isClosed(): boolean
  /** The reason a session ended; undefined if it is not known to have ended. */
  endReasonOf(sid: string): string | undefined
  /** Calls `listener` each time older tokens of a session or a user become outdated. The sessions may continue. */
  onTokensOutdated(listener: (subject: { sid: string } | { userId: number }) => void): () => void
  /** Whether a newer token of the session may carry other roles. */
  isOutdated(claims: Claims): boolean
  /** True while the verifier is stale and `whenStale` is `refuse`. */
  isRefusing(): boolean
  /** Tokens that expire up to this time (epoch milliseconds) are refused: their sessions' ends may be forgotten. */
  forgottenUpTo(): number
  /** The service's time, in milliseconds since the epoch. */
  serviceNow(): number
  verify(token: string): Promise<Claims>
}

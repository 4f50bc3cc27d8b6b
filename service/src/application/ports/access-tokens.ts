import type { Session, SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'

export interface AccessClaims {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
  readonly roles: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** Signed statements of who is signed in, which anybody with the published keys can check (RFC 9068). */
export interface AccessTokens {
  /** The token never outlives its session. */
  issue(session: Session, now: Date): { token: string; expiresAt: Date }

  /** The claims of a token of this service that is valid at `now`; undefined for any other string. */
  verify(token: string, now: Date): AccessClaims | undefined
}

import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'

/** The content of a refresh token: its session, and how often the session had been refreshed. */
export interface RefreshTokenContent {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
}

/** Strings that carry their content with a MAC that only this service can make. No I/O: nothing is stored. */
export interface RefreshTokens {
  /** Deterministic: the same content gives the same string, so that a lost response can be repeated. */
  issue(content: RefreshTokenContent): string

  /** The content of a token with a valid MAC, in its one spelling; undefined for any other string. */
  verify(token: string): RefreshTokenContent | undefined
}

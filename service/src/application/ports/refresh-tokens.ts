import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'

/** All that a refresh token says: which session, and how often that was refreshed. */
export interface RefreshTokenContent {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
}

/** Strings that carry their content under a seal only this service can make. No I/O: nothing is stored. */
export interface RefreshTokens {
  /** Deterministic: the same content gives the same string, so that a lost answer can be given again. */
  seal(content: RefreshTokenContent): string

  /** The content of a token with a true seal, in its one spelling; undefined for any other string. */
  open(token: string): RefreshTokenContent | undefined
}

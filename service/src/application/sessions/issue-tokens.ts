import { expiryOf, type Session } from '../../domain/session.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'

export interface IssuedTokens {
  readonly accessToken: string
  readonly accessExpiresAt: Date
  readonly refreshToken: string
  readonly refreshExpiresAt: Date
  readonly session: Session
  readonly issuedAt: Date
}

/** The pair of tokens for the session's current generation. */
export const issueTokens =
  ({ accessTokens, refreshTokens }: { accessTokens: AccessTokens; refreshTokens: RefreshTokens }) =>
  (session: Session, now: Date): IssuedTokens => {
    const access = accessTokens.issue(session, now)
    const refreshToken = refreshTokens.issue({
      userId: session.userId,
      sessionId: session.id,
      generation: session.generation,
    })
    return {
      accessToken: access.token,
      accessExpiresAt: access.expiresAt,
      refreshToken,
      refreshExpiresAt: expiryOf(session),
      session,
      issuedAt: now,
    }
  }

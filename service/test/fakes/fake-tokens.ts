import type { AccessClaims, AccessTokens } from '../../src/application/ports/access-tokens.ts'
import type { RefreshTokenContent, RefreshTokens } from '../../src/application/ports/refresh-tokens.ts'
import { earlier, expiryOf, secondsAfter, type Session, type SessionId } from '../../src/domain/session.ts'
import type { UserId } from '../../src/domain/user.ts'

/** Tokens that a test can read and make: `access <user> <session> <generation> <roles> <issue> <expiry>`. */
export class FakeAccessTokens implements AccessTokens {
  readonly #ttlSeconds: number

  constructor(ttlSeconds: number) {
    this.#ttlSeconds = ttlSeconds
  }

  issue(session: Session, now: Date): { token: string; expiresAt: Date } {
    const expiresAt = earlier(secondsAfter(now, this.#ttlSeconds), expiryOf(session))
    const words = [
      'access',
      session.userId,
      session.id,
      session.generation,
      session.roles.join('+') || '-',
      +now,
      +expiresAt,
    ]
    return { token: words.join(' '), expiresAt }
  }

  verify(token: string, now: Date): AccessClaims | undefined {
    const [kind, userId, sessionId, generation, roles, issued, expiry] = token.split(' ')
    const expiresAt = new Date(Number(expiry))
    if (kind !== 'access' || !(now < expiresAt)) return undefined
    return {
      userId: Number(userId) as UserId,
      sessionId: sessionId as SessionId,
      generation: Number(generation),
      roles: roles === '-' ? [] : (roles?.split('+') ?? []),
      issuedAt: new Date(Number(issued)),
      expiresAt,
    }
  }
}

/** `refresh <user> <session> <generation>`. */
export class FakeRefreshTokens implements RefreshTokens {
  issue({ userId, sessionId, generation }: RefreshTokenContent): string {
    return `refresh ${userId} ${sessionId} ${generation}`
  }

  verify(token: string): RefreshTokenContent | undefined {
    const [kind, userId, sessionId, generation] = token.split(' ')
    if (kind !== 'refresh') return undefined
    return {
      userId: Number(userId) as UserId,
      sessionId: sessionId as SessionId,
      generation: Number(generation),
    }
  }
}

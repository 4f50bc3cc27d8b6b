import { endReasonOf, isLive, type Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { AccessClaims, AccessTokens } from '../ports/access-tokens.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { ReceiptBuffer } from './receipt-buffer.ts'

export interface AuthenticateDeps {
  readonly accessTokens: AccessTokens
  readonly sessions: Sessions
  readonly receipts: ReceiptBuffer
  readonly clock: Clock
}

/** Who is asking, on which session, with which of its access tokens. */
export interface Caller {
  readonly user: User
  readonly session: Session
  readonly token: Pick<AccessClaims, 'generation' | 'issuedAt' | 'expiresAt'>
}

/**
 * Finds out who holds an access token, and remembers that it was used. The service itself looks the session up each
 * time, so an ended one is refused at once. Throws `invalid_access_token` or `session_ended`.
 */
export const authenticate =
  ({ accessTokens, sessions, receipts, clock }: AuthenticateDeps) =>
  async (accessToken: string): Promise<Caller> => {
    const now = clock.now()
    const claims = accessTokens.verify(accessToken, now)
    if (claims === undefined) throw new ApplicationError('invalid_access_token')
    const found = await sessions.find(claims.userId, claims.sessionId)
    if (found === undefined) throw new ApplicationError('invalid_access_token')
    const { session } = found
    if (!isLive(session, now)) throw new ApplicationError('session_ended', { reason: endReasonOf(session) })
    if (claims.generation > session.confirmedGeneration) {
      receipts.add({
        userId: session.userId,
        sessionId: session.id,
        generation: claims.generation,
        seenAt: now,
      })
    }
    return { ...found, token: claims }
  }

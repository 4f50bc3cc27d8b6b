import { endReasonOf, isLive, isWithdrawn, type EndReason } from '../../domain/session.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Caller } from './caller.ts'
import type { ReceiptBuffer } from './receipt-buffer.ts'

export interface CheckAccessTokenDeps {
  readonly accessTokens: AccessTokens
  readonly sessions: Sessions
  readonly receipts: ReceiptBuffer
  readonly clock: Clock
}

export type AccessTokenVerdict =
  | { readonly kind: 'valid'; readonly caller: Caller }
  /** Not a valid access token of this service, or withdrawn. */
  | { readonly kind: 'invalid' }
  | { readonly kind: 'ended'; readonly reason: EndReason }

/**
 * Finds the holder of an access token and records that the token was used. The session is read on every call, so an
 * ended one is refused immediately.
 */
export const checkAccessToken =
  ({ accessTokens, sessions, receipts, clock }: CheckAccessTokenDeps) =>
  async (accessToken: string): Promise<AccessTokenVerdict> => {
    const now = clock.now()
    const claims = accessTokens.verify(accessToken, now)
    if (claims === undefined) return { kind: 'invalid' }
    const found = await sessions.find(claims.userId, claims.sessionId)
    if (found === undefined) return { kind: 'invalid' }
    const { session } = found
    if (!isLive(session, now)) return { kind: 'ended', reason: endReasonOf(session) }
    if (isWithdrawn(session, claims.generation)) return { kind: 'invalid' }
    if (claims.generation > session.confirmedGeneration) {
      receipts.add({
        userId: session.userId,
        sessionId: session.id,
        generation: claims.generation,
        seenAt: now,
      })
    }
    return { kind: 'valid', caller: { ...found, token: claims } }
  }

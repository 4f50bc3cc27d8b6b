import { claimsOf } from './session-tokens.ts'
import type { Json } from './signing.ts'
import type { Transcript } from './transcript.ts'

/** Claims as the service returns them for a ticket of that session. */
export const ticketClaims = (session: number, more: Json = {}): Json => {
  const { iss, aud, sub, user_id, sid, gen, iat, exp, auth_time, amr } = claimsOf(session, { gen: 2 })
  return { iss, aud, sub, user_id, sid, gen, iat, exp, auth_time, amr, roles: ['moderator'], ...more }
}

interface Redemption {
  readonly ticket?: string
  readonly origin?: string
  readonly status?: number
  readonly body?: unknown
  /** Bytes of the feed that arrive after the request, and before its response. */
  readonly meanwhile?: string
  /** A socket of this name is held with the claims. */
  readonly hold?: string
}

/** Adds the redemption of a ticket. */
export const redeem = (
  transcript: Transcript,
  at: number,
  result: string,
  { ticket = 'ticket', origin, status = 200, body, ...more }: Redemption,
): Transcript =>
  transcript.step(at, {
    redeem: { ticket, ...(origin !== undefined && { origin }) },
    ...(body !== undefined && { response: { status, body } }),
    ...more,
    result,
    ...(result === 'accepted' && { claims: body }),
  })

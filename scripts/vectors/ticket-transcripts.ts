import { redeem, ticketClaims } from './redemptions.ts'
import type { SessionTokens } from './session-tokens.ts'
import { ended, heartbeat, opened, outdated, type Transcript } from './transcript.ts'

export const ticketTranscripts = (tokens: SessionTokens): Transcript[] => {
  const first = opened('tickets', [ended(1, 1), outdated(2, 2, 3)])
  redeem(first, 0, 'accepted', { body: ticketClaims(3), origin: 'https://chat.example.org' })
  redeem(first, 0, 'ticket_gone', { status: 410, body: { code: 'ticket_gone' } })
  redeem(first, 0, 'ticket_gone', { status: 422, body: { code: 'invalid_request' } })
  redeem(first, 0, 'origin_mismatch', {
    status: 403,
    body: { code: 'origin_mismatch' },
    origin: 'https://x.example',
  })
  redeem(first, 0, 'unavailable', { status: 403, body: { code: 'insufficient_scope' } })
  redeem(first, 0, 'unavailable', { status: 503, body: {} })
  redeem(first, 0, 'unavailable', { status: 200, body: [] })
  redeem(first, 0, 'ticket_gone', { ticket: '' })
  redeem(first, 0, 'ticket_gone', { ticket: 't'.repeat(1025) })
  redeem(first, 0, 'accepted', { ticket: 't'.repeat(1024), body: ticketClaims(3) })
  redeem(first, 0, 'wrong_issuer', { body: ticketClaims(3, { iss: 'x' }) })
  redeem(first, 0, 'wrong_audience', { body: ticketClaims(3, { aud: 'x' }) })
  redeem(first, 0, 'invalid_claims', { body: ticketClaims(3, { gen: '2' }) })
  redeem(first, 0, 'expired', { body: ticketClaims(3, { exp: 1 }) })
  redeem(first, 0, 'session_ended', { body: ticketClaims(1) })
  // The revocation came before the redemption, so its roles are those of now.
  redeem(first, 0, 'accepted', { body: ticketClaims(2) })
  first.verify(0, tokens.of(2, { gen: 2 }), 'token_outdated')
  const stale = opened('a ticket is redeemed while stale')
    .bytes(2000, heartbeat(0, 0))
    .bytes(4000, heartbeat(0, 1500))
  stale.health(6501, { fresh: false })
  redeem(stale, 6501, 'accepted', { body: ticketClaims(3) })
  return [first, stale]
}

import { redeem, ticketClaims } from './redemptions.ts'
import type { SessionTokens } from './session-tokens.ts'
import { nowSeconds, type Json } from './signing.ts'
import {
  ended,
  heartbeat,
  opened,
  outdated,
  ping,
  revoked,
  sessionOf,
  timeAt,
  type Transcript,
} from './transcript.ts'

/** The service still says that the session is live. The feed says otherwise before that response arrives. */
export const duringIntrospection = (tokens: SessionTokens): Transcript[] => {
  const transcript = opened('events that arrive during an introspection', [], { when_stale: 'introspect' })
    .bytes(2000, ping)
    .bytes(4000, ping)
    .health(5001, { fresh: false })
  const introspect = (session: number, meanwhile: string, result: string, more: Json = {}): Transcript =>
    transcript.verify(5001, tokens.of(session, session === 6 ? { exp: 7 } : {}), result, {
      introspection: { status: 200, body: { active: true, sid: sessionOf(session), roles: [] } },
      meanwhile,
      ...more,
    })
  introspect(1, revoked(ended(1, 1)), 'session_ended', { reason: 'signed_out' })
  introspect(2, revoked(outdated(2, 2, 0)), 'token_outdated')
  introspect(3, revoked({ seq: 3, user_id: 3 }), 'token_outdated')
  introspect(4, revoked(ended(4, 5)), 'accepted')
  introspect(6, heartbeat(4, 7100), 'expired')
  return [transcript]
}

/** Only what arrives after the request makes the claims of a ticket outdated. */
export const duringRedemption = (): Transcript[] => {
  const transcript = opened('events that arrive during the redemption of a ticket', [outdated(1, 2, 3)])
  const during = (session: number, meanwhile: string, result: string, more: Json = {}): Transcript =>
    redeem(transcript, 0, result, { body: ticketClaims(session, more), meanwhile })
  during(1, revoked(ended(2, 1)), 'session_ended')
  during(2, revoked(outdated(1, 2, 3)), 'accepted')
  during(2, revoked(outdated(1, 2, 3, { expires_at: timeAt(900_000) })), 'accepted')
  during(2, revoked(outdated(3, 2, 3)), 'token_outdated')
  redeem(transcript, 0, 'accepted', { body: ticketClaims(2) })
  during(3, revoked(outdated(4, 3, 1)), 'accepted')
  during(3, revoked(outdated(5, 3, 2)), 'token_outdated')
  during(4, revoked({ seq: 6, user_id: 4 }), 'token_outdated')
  during(4, revoked({ seq: 6, user_id: 4 }), 'accepted')
  during(4, revoked(ended(7, 5)), 'accepted')
  during(4, heartbeat(7, 1500), 'expired', { exp: nowSeconds + 1 })
  return [transcript]
}

import type { SessionTokens } from './session-tokens.ts'
import { jwkOf, nowSeconds } from './signing.ts'
import { ended, heartbeat, opened, ping, revoked, Transcript } from './transcript.ts'

const unopened = (when: 'refuse' | 'introspect' | 'accept'): Transcript =>
  new Transcript(`a delivery token before the time is known, with ${when}`, {
    when_stale: when,
    wall_clock: nowSeconds * 1000,
  }).step(0, { request: { last_event_id: null } })

export const deliveryTranscripts = (tokens: SessionTokens): Transcript[] => [
  opened('a delivery token by the service’s time, to the millisecond')
    .verifyDelivery(0, tokens.delivery(1, { exp: 2 }))
    .verifyDelivery(1999, tokens.delivery(1, { exp: 2 }))
    .verifyDelivery(1999, tokens.delivery(1, { nbf: 2 }), 'not_yet_valid')
    .verifyDelivery(2000, tokens.delivery(1, { exp: 2 }), 'expired')
    .verifyDelivery(2000, tokens.delivery(1, { nbf: 2 })),
  ...(['refuse', 'introspect'] as const).map((when) =>
    opened(`a stale verifier checks delivery tokens, with ${when}`, [], { when_stale: when })
      .bytes(2000, ping)
      .bytes(4000, ping)
      .health(6000, { fresh: false })
      .verifyDelivery(6000, tokens.delivery(1))
      .verifyDelivery(6000, tokens.delivery(1, { exp: 6 }), 'expired'),
  ),
  ...(['refuse', 'introspect'] as const).map((when) =>
    unopened(when).verifyDelivery(0, tokens.delivery(1), 'unavailable'),
  ),
  unopened('accept')
    .verifyDelivery(1999, tokens.delivery(1, { exp: 2 }))
    .verifyDelivery(2000, tokens.delivery(1, { exp: 2 }), 'expired'),
  opened('a delivery token belongs to no session', [ended(1, 1)])
    .bytes(1000, revoked({ seq: 2, user_id: 1 }), heartbeat(2, 1000))
    .verify(1000, tokens.of(5, { user_id: 1 }), 'token_outdated')
    .verifyDelivery(1000, tokens.delivery(1)),
  opened('no receipt is sent for a delivery token', [], { max_staleness_ms: 100_000 })
    .verifyDelivery(0, tokens.delivery(1))
    .step(2000, { receipts: [] }),
  opened('an unknown kid of a delivery token fetches the keys', [], { max_staleness_ms: 100_000 })
    .step(0, { jwks: { keys: [jwkOf('ed'), jwkOf('ed-2')] } })
    .verifyDelivery(4999, tokens.delivery(1, {}, 'ed-2'), 'unknown_key')
    .verifyDelivery(5000, tokens.delivery(1, {}, 'ed-2'))
    .step(5000, { key_fetches: 2 }),
  opened('the same header of two types of tokens')
    .verify(0, tokens.of(1))
    .verifyDelivery(0, tokens.of(1), 'wrong_type')
    .verifyDelivery(0, tokens.delivery(1))
    .verify(0, tokens.delivery(1), 'wrong_type'),
]

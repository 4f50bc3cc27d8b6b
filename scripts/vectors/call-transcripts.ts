import type { SessionTokens } from './session-tokens.ts'
import { jwkOf, type Json } from './signing.ts'
import {
  ended,
  heartbeat,
  sessionOf,
  timeAt,
  Transcript,
  type TranscriptSettings,
  heartbeats,
  opened,
  ping,
} from './transcript.ts'

const long: TranscriptSettings = { max_staleness_ms: 100_000 }
const both = { keys: [jwkOf('ed'), jwkOf('ed-2')] }

const keys = (tokens: SessionTokens): Transcript[] => [
  opened('an unknown kid fetches the keys once in 5 s', [], long)
    .step(0, { key_fetches: 1 })
    .verify(0, tokens.of(1, {}, 'ed-2'), 'unknown_key')
    .step(0, { jwks: both })
    .verify(4999, tokens.of(1, {}, 'ed-2'), 'unknown_key')
    .step(4999, { key_fetches: 1 })
    .verify(5000, tokens.of(1, {}, 'ed-2'))
    .step(5000, { key_fetches: 2 })
    .verify(5000, tokens.of(1)),
  opened('a key that is not published any more', [], long)
    .verify(0, tokens.of(1))
    .step(0, { jwks: { keys: [jwkOf('ed-2')] } })
    .verify(5000, tokens.of(1))
    .verify(5000, tokens.of(1, {}, 'ed-2'))
    .verify(5000, tokens.of(1), 'unknown_key')
    .step(5000, { key_fetches: 2 }),
  opened('keys that cannot be fetched', [], long)
    .step(0, { jwks: null })
    .verify(5000, tokens.of(1, {}, 'ed-2'), 'unavailable')
    .verify(5000, tokens.of(1))
    .verify(9999, tokens.of(1, {}, 'ed-2'), 'unavailable')
    .step(9999, { key_fetches: 2 })
    .step(9999, { jwks: both })
    .verify(10_000, tokens.of(1, {}, 'ed-2'))
    .step(10_000, { key_fetches: 3 }),
  opened('a key that changed under its kid', [], long)
    .verify(0, tokens.of(1))
    .step(0, { jwks: { keys: [{ ...jwkOf('ed-2'), kid: 'ed' }] } })
    .verify(5000, tokens.of(1, {}, 'ed-2'), 'unknown_key')
    .verify(5000, tokens.of(1), 'bad_signature'),
  heartbeats(opened('keys are fetched hourly', [], { max_staleness_ms: 1_000_000 }), 0, 3_600_000, 400_000)
    .step(3_599_999, { key_fetches: 1 })
    .step(3_600_000, { key_fetches: 2 }),
]

const receiptOf = (session: number, gen: number, seenAtMs: number): Json => ({
  sid: sessionOf(session),
  user_id: session,
  gen,
  seen_at: timeAt(seenAtMs),
  rcp: `proof-${session}-${gen}`,
})

const receipts = (tokens: SessionTokens): Transcript[] => [
  opened('receipts', [ended(1, 9)], long)
    .verify(100, tokens.of(1))
    .verify(200, tokens.of(1))
    .verify(300, tokens.of(2, { gen: 3 }))
    .verify(400, tokens.of(9), 'session_ended')
    .step(1099, { receipts: [] })
    .step(1100, { receipts: [[receiptOf(1, 0, 100), receiptOf(2, 3, 300)]] })
    .verify(1200, tokens.of(1))
    .verify(1200, tokens.of(2, { gen: 2 }))
    .verify(1300, tokens.of(1, { gen: 1 }))
    .step(2300, { receipts: [[receiptOf(1, 0, 100), receiptOf(2, 3, 300)], [receiptOf(1, 1, 1300)]] }),
  opened('receipts wait while the service cannot take them', [], long)
    .step(0, { receipts_status: 503 })
    .verify(0, tokens.of(1))
    .step(1000, { receipts: [[receiptOf(1, 0, 0)]] })
    .verify(1500, tokens.of(1, { gen: 1 }))
    .step(2999, { receipts: [[receiptOf(1, 0, 0)]] })
    .step(3000, { receipts: [[receiptOf(1, 0, 0)], [receiptOf(1, 1, 1500)]] })
    .step(6999, { receipts_status: 204 })
    .step(7000, { receipts: [[receiptOf(1, 0, 0)], [receiptOf(1, 1, 1500)], [receiptOf(1, 1, 1500)]] }),
  opened('receipts that are refused are dropped', [], long)
    .step(0, { receipts_status: 422 })
    .verify(0, tokens.of(1))
    .step(1000, { receipts: [[receiptOf(1, 0, 0)]] })
    .step(3000, { receipts: [[receiptOf(1, 0, 0)]] }),
  opened('a token that was refused as stale was not seen')
    .bytes(2000, ping)
    .bytes(4000, ping)
    .verify(5001, tokens.of(1), 'stale')
    .bytes(5100, heartbeat(0, 5100))
    .verify(5500, tokens.of(2), 'reauthentication_required', { max_age: 1 })
    .bytes(6500, heartbeat(0, 6500))
    .step(6500, { receipts: [[receiptOf(2, 0, 5500)]] }),
]

const reauthentication = (tokens: SessionTokens): Transcript[] => [
  opened('a maximum age', [ended(1, 9)], long)
    // The user authenticated an hour before the start.
    .verify(0, tokens.of(1), 'accepted', { max_age: 3600 })
    .verify(0, tokens.of(1), 'reauthentication_required', { max_age: 3599 })
    .verify(1, tokens.of(1), 'reauthentication_required', { max_age: 3600 })
    .verify(1, tokens.of(1), 'accepted', { max_age: 3601 })
    .verify(1, tokens.of(1))
    .verify(1, tokens.of(9), 'session_ended', { max_age: 1 })
    .verify(1000, tokens.of(1), 'accepted', { max_age: 3601, amr: ['pwd'] })
    .verify(1001, tokens.of(1), 'reauthentication_required', { max_age: 3601, amr: ['pwd'] }),
  opened('methods of authentication')
    .verify(0, tokens.of(1), 'accepted', { amr: [] })
    .verify(0, tokens.of(1), 'accepted', { amr: ['pwd'] })
    .verify(0, tokens.of(1), 'reauthentication_required', { amr: ['otp'] })
    .verify(0, tokens.of(1), 'reauthentication_required', { amr: ['pwd', 'otp'] })
    .verify(0, tokens.of(1), 'reauthentication_required', { amr: ['PWD'] }),
  opened('an authentication in the future', [], long)
    .verify(0, tokens.of(1, { auth_time: 60 }), 'accepted', { max_age: 1 })
    .verify(0, tokens.of(1, { auth_time: 61 }), 'reauthentication_required', { max_age: 1 })
    .verify(0, tokens.of(1, { auth_time: 61 }))
    .verify(1000, tokens.of(1, { auth_time: 61 }), 'accepted', { max_age: 1 }),
  new Transcript('a maximum age before the time is known', { when_stale: 'introspect' })
    .step(0, { request: { last_event_id: null } })
    .verify(0, tokens.of(2), 'unavailable', {
      max_age: 3600,
      introspection: { status: 200, body: { active: true, sid: sessionOf(2), roles: [] } },
    }),
]

export const callTranscripts = (tokens: SessionTokens): Transcript[] => [
  ...keys(tokens),
  ...receipts(tokens),
  ...reauthentication(tokens),
]

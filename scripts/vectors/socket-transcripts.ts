import type { SessionTokens } from './session-tokens.ts'
import { ended, heartbeat, outdated, revoked, type Transcript, opened } from './transcript.ts'

const ENDED = [4401, 'session ended']
const EXPIRED = [4408, 'token expired']
const OUTDATED = [4408, 'token outdated']
const LATER = [4503, 'try later']

export const socketTranscripts = (tokens: SessionTokens): Transcript[] => [
  opened('exactly the sockets of the ended session close')
    .step(0, { hold: 'a', token: tokens.of(1) })
    .step(0, { hold: 'b', token: tokens.of(1, { gen: 1 }) })
    .step(0, { hold: 'c', token: tokens.of(2) })
    .step(0, { hold: 'd', token: tokens.of(5, { user_id: 1 }) })
    .step(0, { closed: {} })
    .bytes(100, revoked(ended(1, 1)))
    .step(100, { closed: { a: ENDED, b: ENDED } }),
  opened('sockets close when their token expires', [], { max_staleness_ms: 100_000 })
    .step(0, { hold: 'a', token: tokens.of(1, { exp: 2 }) })
    .step(0, { hold: 'b', token: tokens.of(1) })
    .step(1999, { closed: {} })
    .step(2000, { closed: { a: EXPIRED } }),
  opened('sockets of an outdated token close')
    .step(0, { hold: 'a', token: tokens.of(1, { gen: 3 }) })
    .step(0, { hold: 'b', token: tokens.of(1, { gen: 4 }) })
    .bytes(100, revoked(outdated(1, 1, 3)))
    .step(100, { closed: { a: OUTDATED } }),
  opened('sockets of the user of a row that cannot be read close')
    .step(0, { hold: 'a', token: tokens.of(1) })
    .step(0, { hold: 'b', token: tokens.of(5, { user_id: 1 }) })
    .step(0, { hold: 'c', token: tokens.of(1, { iat: 3 }) })
    .step(0, { hold: 'd', token: tokens.of(2) })
    .bytes(1000, revoked({ seq: 1, user_id: 1 }), heartbeat(1, 1000))
    .step(1000, { closed: { a: OUTDATED, b: OUTDATED } }),
  opened('a stale verifier closes every socket', [], { max_staleness_ms: 5000 })
    .step(0, { hold: 'a', token: tokens.of(1) })
    .step(0, { hold: 'b', token: tokens.of(2) })
    .step(5000, { closed: {} })
    .step(5001, { closed: { a: LATER, b: LATER } }),
  opened('with accept, a stale verifier closes no socket', [], { when_stale: 'accept' })
    .step(0, { hold: 'a', token: tokens.of(1) })
    .step(6000, { closed: {} }),
  opened('a verifier that closes closes its sockets and its feed')
    .step(0, { hold: 'a', token: tokens.of(1) })
    .step(0, { hold: 'b', token: tokens.of(2) })
    .step(100, { close: true })
    .step(100, { closed: { a: LATER, b: LATER } })
    .isClosed(100)
    .verify(100, tokens.of(1), 'unavailable'),
  opened('with accept, a verifier that closes leaves its sockets open', [], { when_stale: 'accept' })
    .step(0, { hold: 'a', token: tokens.of(1) })
    .step(100, { close: true })
    .isClosed(100)
    .step(700_000, { closed: {} }),
  opened('a renewed socket stays open until the newer token expires', [], { max_staleness_ms: 100_000 })
    .step(0, { hold: 'a', token: tokens.of(1, { exp: 2 }) })
    .step(1000, { renew: 'a', token: tokens.of(1, { gen: 1, exp: 4 }), result: 'accepted' })
    .step(1000, { renew: 'a', token: tokens.of(1, { exp: 3 }), result: 'accepted' })
    .step(1000, { renew: 'a', token: tokens.of(2), result: 'invalid_claims' })
    .step(1000, { renew: 'a', token: tokens.of(1, { exp: 1 }), result: 'expired' })
    .bytes(2000, revoked(outdated(1, 1, 0)))
    .step(3999, { closed: {} })
    .step(4000, { closed: { a: EXPIRED } })
    .step(4000, { renew: 'a', token: tokens.of(1, { gen: 1 }), result: 'expired' }),
  opened('a renewal of an ended session')
    .step(0, { hold: 'a', token: tokens.of(1) })
    .bytes(100, revoked(ended(1, 1)))
    .step(100, { renew: 'a', token: tokens.of(1, { gen: 1 }), result: 'session_ended' })
    .step(100, { closed: { a: ENDED } }),
]

import type { SessionTokens } from './session-tokens.ts'
import { nowSeconds } from './signing.ts'
import {
  ended,
  eventText,
  heartbeat,
  idOf,
  LOG,
  revoked,
  snapshot,
  Transcript,
  opened,
  ping,
} from './transcript.ts'

const freshness = (tokens: SessionTokens): Transcript[] => [
  opened('fresh at the limit, stale after it', [ended(1, 1)])
    .bytes(2000, ping)
    .bytes(4000, ping)
    .health(5000, { fresh: true, staleness_ms: 5000 })
    .verify(5000, tokens.of(2))
    .health(5001, { fresh: false, staleness_ms: 5001, connected: true })
    .verify(5001, tokens.of(2), 'stale')
    .verify(5001, tokens.of(1), 'session_ended')
    .bytes(5100, heartbeat(1, 5100))
    .health(5100, { fresh: true, staleness_ms: 0 })
    .verify(5100, tokens.of(2)),
  opened('another limit', [], { max_staleness_ms: 2000 })
    .bytes(1400, ping)
    .health(2000, { fresh: true })
    .health(2001, { fresh: false }),
  opened('a row does not make fresh')
    .bytes(2000, ping)
    .bytes(4000, revoked(ended(1, 1)))
    .health(4000, { staleness_ms: 4000 })
    .health(5001, { fresh: false }),
  new Transcript('staleness counts from when the request was sent')
    .step(0, { request: { last_event_id: null } })
    .step(1900, { response: { status: 200, content_type: 'text/event-stream' } })
    .bytes(2000, snapshot(0, 0))
    .health(2000, { fresh: true, staleness_ms: 2000 })
    .bytes(3000, heartbeat(0, 3000))
    .health(3000, { staleness_ms: 0 }),
  new Transcript('how long the response took does not make anything younger')
    .step(0, { request: { last_event_id: null } })
    .step(1900, { response: { status: 200, content_type: 'text/event-stream' } })
    .bytes(2000, snapshot(0, 1900))
    .health(2000, { fresh: true, staleness_ms: 2000 })
    .bytes(3000, heartbeat(0, 2900))
    .health(3000, { staleness_ms: 2000 }),
  opened('a stream that is delayed', [ended(1, 1)])
    .bytes(2000, ping)
    .bytes(3000, heartbeat(1, 500))
    .isOpen(3000)
    .health(3000, { staleness_ms: 2500 })
    .bytes(4000, revoked(ended(2, 2)), heartbeat(2, 1499))
    .isClosed(4000)
    .verify(4000, tokens.of(2), 'session_ended')
    .health(4000, { staleness_ms: 3500 })
    .connect(4100, idOf(2))
    .bytes(4100, heartbeat(2, 4100))
    .health(4100, { fresh: true, staleness_ms: 0 }),
  opened('the clock of the service goes forward')
    .verify(1000, tokens.of(1, { exp: 3 }))
    .bytes(1000, heartbeat(0, 3500))
    .isOpen(1000)
    .health(1000, { staleness_ms: 0 })
    .verify(1000, tokens.of(1, { exp: 3 }), 'expired')
    .bytes(2000, heartbeat(0, 7001))
    .isClosed(2000)
    .health(2000, { staleness_ms: 1000 })
    .connect(2100, idOf(0)),
  opened('the clock of the service goes back')
    .verify(1000, tokens.of(1, { exp: 1 }), 'expired')
    .bytes(1000, heartbeat(0, -2000))
    .isClosed(1000)
    .connect(1100, idOf(0))
    .bytes(1100, heartbeat(0, -1900))
    .health(1100, { fresh: true, staleness_ms: 0 })
    .verify(1100, tokens.of(1, { exp: 1 })),
  new Transcript('another instance with another clock')
    .connect(0)
    .bytes(0, snapshot(0, 0))
    .step(1000, { end: 'cut' })
    .connect(1100, idOf(0))
    .bytes(1100, heartbeat(0, 1_001_100))
    .isOpen(1100)
    .health(1100, { fresh: true, staleness_ms: 0 })
    .verify(1100, tokens.of(1), 'expired'),
  opened('a heartbeat that is behind does not measure', [ended(1, 1)])
    .step(1000, { end: 'cut' })
    .connect(1100, idOf(1))
    .bytes(1100, heartbeat(0, 900_000), heartbeat(1, 1100))
    .isOpen(1100)
    .health(1100, { staleness_ms: 0 })
    .verify(1100, tokens.of(2)),
  opened('exp and nbf to the millisecond')
    .verify(0, tokens.of(1, { exp: 2 }))
    .verify(1999, tokens.of(1, { exp: 2 }))
    .verify(1999, tokens.of(1, { nbf: 2 }), 'not_yet_valid')
    .verify(2000, tokens.of(1, { exp: 2 }), 'expired')
    .verify(2000, tokens.of(1, { nbf: 2 })),
  new Transcript('times with a fraction and an offset')
    .connect(0)
    .bytes(
      0,
      eventText('snapshot', {
        log: LOG,
        seq: 0,
        server_time: '2026-01-31T14:00:00.000000+02:00',
        revocations: [],
      }),
    )
    .verify(1999, tokens.of(1, { exp: 2 }))
    .verify(2000, tokens.of(1, { exp: 2 }), 'expired'),
  opened(
    'events that never prove anything',
    Array.from({ length: 5 }, (_, index) => ended(index + 1, index + 1)),
  )
    .bytes(1000, heartbeat(4, 1000))
    .bytes(3000, heartbeat(4, 3000))
    .bytes(5000, heartbeat(4, 5000))
    .bytes(6000, heartbeat(4, 6000))
    .bytes(8000, heartbeat(4, 8000))
    .bytes(10_000, heartbeat(4, 10_000))
    .bytes(11_000, heartbeat(4, 11_000))
    .isOpen(11_000)
    .bytes(11_001, heartbeat(4, 11_001))
    .isClosed(11_001)
    .connect(11_101),
]

const silence = (): Transcript[] => [
  opened('a silent feed is given up')
    .isOpen(2499)
    .isClosed(2500)
    .health(2500, { connected: false })
    .connect(2600, idOf(0)),
  opened('a silent feed with a short limit', [], { max_staleness_ms: 2000 })
    .isOpen(1499)
    .isClosed(1500)
    .connect(1600, idOf(0)),
  opened('comments and a retry do not break the silence')
    .bytes(2000, ': still here\n\nretry: 500\n\n')
    .isOpen(2499)
    .isClosed(2500),
  opened('comments in pieces do not break the silence')
    .bytes(1000, ': still')
    .bytes(1500, ' here\n\n:')
    .bytes(2000, ' and again\n')
    .isOpen(2499)
    .isClosed(2500),
  opened('an unknown event breaks the silence').bytes(2000, ping).isOpen(4499).isClosed(4500),
  opened('an event that is still arriving breaks the silence')
    .bytes(2000, 'event: heart')
    .bytes(4400, 'beat\ndata: ')
    .isOpen(6899)
    .isClosed(6900),
  new Transcript('no response')
    .step(0, { request: { last_event_id: null } })
    .isClosed(2500)
    .connect(2600),
  new Transcript('no response with a short limit', { max_staleness_ms: 2000 })
    .step(0, { request: { last_event_id: null } })
    .isClosed(1000)
    .connect(1100),
  new Transcript('a response without events').connect(0).isOpen(2499).isClosed(2500).connect(2600),
]

const refusals = (): Transcript[] => [
  ...[401, 403, 404].map((status) =>
    new Transcript(`status ${status} is a wrong setting`)
      .connect(0, null, { status })
      .step(0, { ready: 'failed' })
      .step(4999, { requests: 1 })
      .connect(5000)
      .bytes(5000, snapshot(0, 5000))
      .health(5000, { fresh: true }),
  ),
  new Transcript('status 503 is not a wrong setting')
    .connect(0, null, { status: 503 })
    .step(0, { ready: 'waiting' })
    .connect(100)
    .bytes(100, snapshot(0, 100))
    .step(100, { ready: 'ready' }),
  new Transcript('a redirect is not followed').connect(0, null, { status: 307 }).connect(100),
  new Transcript('a page instead of a stream')
    .connect(0, null, { content_type: 'text/html' })
    .isClosed(0)
    .connect(100),
  new Transcript('a compressed stream')
    .connect(0, null, { content_encoding: 'gzip' })
    .isClosed(0)
    .connect(100),
  new Transcript('a content type with parameters')
    .connect(0, null, { content_type: 'text/event-stream; charset=utf-8' })
    .bytes(0, snapshot(0, 0))
    .health(0, { fresh: true }),
]

const backOff = (): Transcript[] => {
  const doubling = new Transcript('the delay doubles up to 2 s')
  for (const at of [0, 100, 300, 700, 1500, 3100, 5100, 7100]) doubling.connect(at, null, { status: 503 })
  return [
    doubling,
    new Transcript('the longest delay is half of the limit', { max_staleness_ms: 2400 })
      .connect(0, null, { status: 503 })
      .connect(100, null, { status: 503 })
      .connect(300, null, { status: 503 })
      .connect(700, null, { status: 503 })
      .connect(1500, null, { status: 503 })
      .step(2699, { requests: 5 })
      .connect(2700),
    new Transcript('a connection of more than 2 s starts the delay again')
      .connect(0, null, { status: 503 })
      .connect(100)
      .bytes(100, snapshot(0, 100))
      .bytes(1100, heartbeat(0, 1100))
      .step(2100, { end: 'cut' })
      // After exactly 2 s it goes on.
      .step(2299, { requests: 2 })
      .connect(2300, idOf(0))
      .bytes(2300, heartbeat(0, 2300))
      .bytes(3300, heartbeat(0, 3300))
      .step(4301, { end: 'cut' })
      .connect(4401, idOf(0)),
    opened('an orderly end with a delay')
      .bytes(500, 'retry: 700\n\n')
      .step(500, { end: 'orderly' })
      .step(1199, { requests: 1 })
      .connect(1200, idOf(0)),
    opened('an orderly end with a long delay')
      .bytes(500, 'retry: 60000\n\n')
      .step(500, { end: 'orderly' })
      .step(2499, { requests: 1 })
      .connect(2500, idOf(0)),
    opened('a cut ignores the delay of the service')
      .bytes(500, 'retry: 700\n\n')
      .step(500, { end: 'cut' })
      .connect(600, idOf(0)),
    opened('an orderly end without a delay').step(500, { end: 'orderly' }).connect(600, idOf(0)),
  ]
}

const whenStale = (tokens: SessionTokens): Transcript[] => {
  const stale = (name: string, when: 'accept' | 'introspect'): Transcript =>
    opened(name, [ended(1, 1)], { when_stale: when })
      .bytes(2000, ping)
      .bytes(4000, ping)
      .verify(5000, tokens.of(2))
      .health(5001, { fresh: false })
  const of = (session: number): string => tokens.of(session)
  const active = { active: true, sid: '00000000-0000-7000-8000-000000000002', roles: ['moderator'] }
  return [
    stale('accept while stale', 'accept')
      .verify(5001, of(2))
      .verify(5001, of(1), 'session_ended')
      .verify(5001, tokens.of(2, { exp: 5 }), 'expired'),
    new Transcript('accept by the machine’s clock before the first event', {
      when_stale: 'accept',
      wall_clock: nowSeconds * 1000,
    })
      .step(0, { request: { last_event_id: null } })
      .verify(1999, tokens.of(1, { exp: 2 }))
      .verify(2000, tokens.of(1, { exp: 2 }), 'expired'),
    stale('introspect while stale', 'introspect')
      .verify(5001, of(1), 'session_ended', { reason: 'signed_out' })
      .verify(5001, of(2), 'accepted', { introspection: { status: 200, body: active }, roles: ['moderator'] })
      .verify(5001, of(2), 'session_ended', {
        introspection: { status: 200, body: { active: false } },
        reason: null,
      })
      .verify(5001, of(2), 'unavailable', { introspection: { status: 503, body: {} } })
      .verify(5001, of(2), 'unavailable', {
        introspection: { status: 200, body: { ...active, active: 'true' } },
      })
      .verify(5001, of(2), 'unavailable', { introspection: { status: 200, body: { ...active, sid: 'x' } } })
      .verify(5001, of(2), 'unavailable', {
        introspection: { status: 200, body: { active: true, sid: active.sid } },
      })
      .verify(5001, of(2), 'unavailable', { introspection: { status: 401, body: {} } }),
    new Transcript('introspect before the first event leaves the times to the service', {
      when_stale: 'introspect',
    })
      .step(0, { request: { last_event_id: null } })
      .verify(0, tokens.of(2, { exp: -1 }), 'accepted', {
        introspection: { status: 200, body: active },
        roles: ['moderator'],
      }),
  ]
}

export const timeTranscripts = (tokens: SessionTokens): Transcript[] => [
  ...freshness(tokens),
  ...silence(),
  ...refusals(),
  ...backOff(),
  ...whenStale(tokens),
]

import type { SessionTokens } from './session-tokens.ts'
import type { Json } from './signing.ts'
import {
  ended,
  eventText,
  heartbeat,
  idOf,
  LOG,
  outdated,
  part,
  revoked,
  sessionOf,
  snapshot,
  timeAt,
  Transcript,
  type TranscriptSettings,
} from './transcript.ts'

const OTHER_LOG = '77aa0a9d27e4.1'
export const ping = eventText('ping', {})

/** A connection at 0 ms with a snapshot of those rows. */
export const opened = (name: string, rows: readonly Json[] = [], settings?: TranscriptSettings): Transcript =>
  new Transcript(name, settings)
    .connect(0)
    .bytes(0, snapshot(rows.length, 0, rows), heartbeat(rows.length, 0))

/** Adds heartbeats between both times. */
export function heartbeats(transcript: Transcript, from: number, to: number, everyMs: number): Transcript {
  for (let at = from + everyMs; at < to; at += everyMs) transcript.bytes(at, heartbeat(0, at))
  return transcript
}

const notices = (...sessions: readonly number[]) =>
  sessions.map((session) => ({ sid: sessionOf(session), user_id: session, reason: 'signed_out' }))

const merging = (tokens: SessionTokens): Transcript[] => [
  new Transcript('a snapshot in one event')
    .connect(0)
    .verify(0, tokens.of(3), 'stale')
    .bytes(0, snapshot(2, 0, [ended(1, 1), outdated(2, 2, 3)]))
    .health(0, { fresh: true, staleness_ms: 0, connected: true, revoked: 1, outdated: 1 })
    .verify(0, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .verify(0, tokens.of(2, { gen: 3 }), 'token_outdated')
    .verify(0, tokens.of(2, { gen: 4 }))
    .verify(0, tokens.of(3))
    .step(0, { session_ended: notices(1) }),
  new Transcript('a snapshot in parts')
    .connect(0)
    .bytes(0, part([ended(1, 1)]))
    .verify(0, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .verify(0, tokens.of(2), 'stale')
    .health(0, { fresh: false, revoked: 1 })
    .bytes(0, part([ended(2, 2)]), snapshot(2, 0))
    .health(0, { fresh: true, revoked: 2 })
    .verify(0, tokens.of(2), 'session_ended')
    .verify(0, tokens.of(3)),
  opened('a session ends')
    .verify(0, tokens.of(1))
    .bytes(100, revoked(ended(1, 1)))
    .verify(100, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .verify(100, tokens.of(1, { gen: 1 }), 'session_ended')
    .verify(100, tokens.of(2))
    .step(100, { session_ended: notices(1) }),
  opened('events are repeated and late')
    .bytes(100, revoked(ended(1, 1)), revoked(ended(2, 2)))
    .bytes(200, revoked(ended(1, 1, { reason: 'terminated' })), revoked(ended(2, 2)))
    .verify(200, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .step(200, { session_ended: notices(1, 2) })
    .bytes(1000, heartbeat(2, 1000))
    .isOpen(1000)
    .health(1000, { staleness_ms: 0, revoked: 2 }),
  opened('a row is missing', [ended(1, 1)])
    .bytes(1000, revoked(ended(3, 3)))
    .isClosed(1000)
    .verify(1000, tokens.of(3), 'session_ended')
    .verify(1000, tokens.of(2))
    .health(1000, { fresh: true, connected: false })
    .connect(1100)
    .bytes(1100, snapshot(3, 1100, [ended(1, 1), ended(2, 2), ended(3, 3)]))
    .verify(1100, tokens.of(2), 'session_ended')
    .step(1100, { session_ended: notices(1, 3, 2) }),
  opened('a heartbeat is ahead of the rows').bytes(1000, heartbeat(1, 1000)).isClosed(1000).connect(1100),
  new Transcript('a row comes before the first snapshot')
    .connect(0)
    .bytes(0, revoked(ended(1, 1)))
    .isClosed(0)
    .verify(0, tokens.of(1), 'session_ended')
    .connect(100),
  new Transcript('a heartbeat comes before the first snapshot')
    .connect(0)
    .bytes(0, heartbeat(0, 0))
    .isClosed(0)
    .connect(100),
  opened('a heartbeat is behind the rows', [ended(1, 1), ended(2, 2)])
    .bytes(1000, heartbeat(1, 1000))
    .isOpen(1000)
    .health(1000, { staleness_ms: 1000 })
    .bytes(1500, heartbeat(2, 1500))
    .health(1500, { staleness_ms: 0 }),
  opened('the log is another one', [ended(1, 1), ended(2, 2), outdated(3, 3, 3)])
    .bytes(1000, heartbeat(3, 1000, OTHER_LOG))
    .isClosed(1000)
    .connect(1100)
    .bytes(1100, snapshot(1, 1100, [ended(1, 5)], OTHER_LOG), heartbeat(1, 1100, OTHER_LOG))
    .isOpen(1100)
    .health(1100, { fresh: true, staleness_ms: 0, revoked: 3, outdated: 1 })
    .verify(1100, tokens.of(1), 'session_ended')
    .verify(1100, tokens.of(5), 'session_ended')
    .verify(1100, tokens.of(3, { gen: 3 }), 'token_outdated')
    .bytes(1200, revoked(ended(2, 6), OTHER_LOG), heartbeat(2, 1200, OTHER_LOG))
    .isOpen(1200)
    .verify(1200, tokens.of(6), 'session_ended'),
  opened('a heartbeat without the identity of the log')
    .bytes(1000, eventText('heartbeat', { seq: 0, server_time: timeAt(1000) }, '0'))
    .isClosed(1000)
    .connect(1100),
  new Transcript('a service without identities of logs')
    .connect(0)
    .bytes(0, eventText('snapshot', { seq: 0, server_time: timeAt(0), revocations: [] }, '0'))
    .bytes(1000, eventText('heartbeat', { seq: 0, server_time: timeAt(1000), log: 7 }, '0'))
    .isOpen(1000)
    .health(1000, { staleness_ms: 0 }),
  new Transcript('rows of a lost log have the seq 0')
    .connect(0)
    .bytes(0, snapshot(1, 0, [ended(0, 1), ended(1, 2)]), heartbeat(1, 0))
    .isOpen(0)
    .health(0, { fresh: true, revoked: 2 }),
  opened('generations')
    .bytes(100, revoked(outdated(1, 1, 3)))
    .verify(100, tokens.of(1, { gen: 3 }), 'token_outdated')
    .verify(100, tokens.of(1, { gen: 4 }))
    .bytes(200, revoked(outdated(2, 1, 5)), revoked(outdated(3, 1, 2)))
    .verify(200, tokens.of(1, { gen: 5 }), 'token_outdated')
    .verify(200, tokens.of(1, { gen: 6 }))
    .verify(200, tokens.of(2, { gen: 0 }))
    .step(200, { session_ended: [] })
    .health(200, { revoked: 0, outdated: 1 })
    .bytes(300, revoked(ended(4, 1)), revoked(outdated(5, 1, 6)))
    .verify(300, tokens.of(1, { gen: 5 }), 'session_ended')
    .verify(300, tokens.of(1, { gen: 9 }), 'session_ended'),
  opened('generation 0')
    .bytes(0, revoked(outdated(1, 1, 0)))
    .verify(0, tokens.of(1), 'token_outdated'),
]

/** One byte after the other, or a few. */
const pieces = (transcript: Transcript, at: number, text: string, size: number): Transcript => {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += size)
    transcript.step(at, { base64: bytes.subarray(from, from + size).toString('base64') })
  return transcript
}

const framing = (tokens: SessionTokens): Transcript[] => [
  pieces(
    new Transcript('chunks end anywhere').connect(0),
    0,
    `\uFEFF${snapshot(1, 0, [ended(1, 1, { reason: 'abgemeldet – für immer' })])}`.replaceAll('\n', '\r\n'),
    5,
  )
    .health(0, { fresh: true, revoked: 1 })
    .verify(0, tokens.of(1), 'session_ended', { reason: 'abgemeldet – für immer' }),
  pieces(
    new Transcript('line ends of every kind').connect(0),
    0,
    snapshot(0, 0).replaceAll('\n', '\r') + revoked(ended(1, 1)).replaceAll('\n', '\r\n') + heartbeat(1, 0),
    1_000,
  ).health(0, { fresh: true, revoked: 1 }),
  new Transcript('unusual fields')
    .connect(0)
    .bytes(
      0,
      ': a comment\n\nretry: 700\nretry: soon\n\nevent:snapshot\nmore: x\nnonsense\ndata:{"seq":0,\ndata: "log":"a",\ndata\n',
      `data: "server_time":"${timeAt(0)}","revocations":[]}\nid: first\nid: sec\0ond\n\nevent: heartbeat\n\n`,
    )
    .health(0, { fresh: true })
    .isOpen(0)
    .step(500, { end: 'orderly' })
    .connect(1200, 'first'),
  opened('an unknown event and unknown fields')
    .bytes(100, eventText('tomorrow', 'not JSON', '9'), eventText('message', 'x'), 'data: x\n\n')
    .bytes(100, revoked({ ...ended(1, 1), more: { a: 1 }, severity: 'high' }))
    .isOpen(100)
    .verify(100, tokens.of(1), 'session_ended'),
  opened('an event that is cut off')
    .bytes(100, revoked(ended(1, 1)).slice(0, -1))
    .verify(100, tokens.of(1))
    .step(200, { end: 'cut' })
    .verify(200, tokens.of(1))
    .connect(300, idOf(0))
    .bytes(300, revoked(ended(1, 1)), heartbeat(1, 300))
    .verify(300, tokens.of(1), 'session_ended')
    .health(300, { staleness_ms: 0 })
    .step(400, { end: 'cut' })
    // The second connection lasted for less than 2 s, so the delay has doubled.
    .connect(600, idOf(1)),
  new Transcript('events without an id')
    .connect(0)
    .bytes(0, eventText('snapshot', { log: LOG, seq: 0, server_time: timeAt(0), revocations: [] }))
    .step(100, { end: 'cut' })
    .connect(200)
    .bytes(200, snapshot(0, 200))
    .bytes(300, eventText('revoked', ended(1, 1)))
    .step(400, { end: 'cut' })
    .connect(600, idOf(0)),
]

/** Rows of user 1 that cannot be read. */
const DAMAGED: readonly [string, Json][] = [
  ['sid in capitals', { sid: sessionOf(1).replace('7', 'A') }],
  ['sid missing', { sid: undefined }],
  ['reason missing', { reason: undefined }],
  ['reason of 101 characters', { reason: 'x'.repeat(101) }],
  ['expires_at without an offset', { expires_at: '2026-01-31T12:10:00' }],
  ['expires_at in lower case', { expires_at: '2026-01-31t12:10:00z' }],
  ['expires_at as a number', { expires_at: 1_769_861_400 }],
  ['up_to_generation as text', { up_to_generation: '3' }],
  ['up_to_generation null', { up_to_generation: null }],
  ['up_to_generation -1', { up_to_generation: -1 }],
]

const unreadable = (tokens: SessionTokens): Transcript[] => [
  ...DAMAGED.map(([what, more]) =>
    opened(`a row that cannot be read: ${what}`)
      .bytes(1000, revoked(ended(1, 1, more)), heartbeat(1, 1000))
      .isOpen(1000)
      .verify(1000, tokens.of(1), 'token_outdated')
      .verify(1000, tokens.of(2))
      .step(1000, { session_ended: [] }),
  ),
  opened('a row that cannot be read refuses the tokens of its user that were issued before')
    .bytes(1000, revoked({ seq: 1, user_id: 1 }), heartbeat(1, 1000))
    .verify(1000, tokens.of(1, { iat: 2 }), 'token_outdated')
    .verify(1000, tokens.of(1, { iat: 3 }))
    .verify(1000, tokens.of(4, { iat: 2, user_id: 1 }), 'token_outdated')
    .bytes(2000, heartbeat(1, 2000))
    .bytes(3000, revoked({ seq: 1, user_id: 1 }), heartbeat(1, 3000))
    .verify(3000, tokens.of(1, { iat: 3 })),
  opened('a row whose user cannot be read refuses its session')
    .bytes(1000, revoked(ended(1, 1, { user_id: 0 })), heartbeat(1, 1000))
    .verify(1000, tokens.of(1), 'token_outdated')
    .verify(1000, tokens.of(4, { user_id: 1 })),
  opened('a row that names nobody refuses nobody')
    .bytes(1000, revoked({ seq: 1, user_id: '1', sid: 'x' }), heartbeat(1, 1000))
    .isOpen(1000)
    .verify(1000, tokens.of(1))
    .health(1000, { staleness_ms: 0 }),
  opened('a row whose seq cannot be read')
    .bytes(1000, eventText('revoked', ended(1, 1, { seq: '1' }), idOf(1)))
    .isOpen(1000)
    .verify(1000, tokens.of(1), 'token_outdated')
    .verify(1000, tokens.of(2))
    .bytes(1100, heartbeat(1, 1100))
    .isClosed(1100)
    .connect(1200),
  new Transcript('rows of a snapshot that cannot be read')
    .connect(0)
    .bytes(0, part([ended(1, 1, { sid: 'x' }), null, ended(2, 2)]))
    .verify(0, tokens.of(1), 'stale')
    .verify(0, tokens.of(2), 'session_ended')
    .bytes(0, snapshot(3, 0, [ended(3, 3, { expires_at: '' }), 7]))
    .verify(0, tokens.of(1, { iat: 1 }), 'token_outdated')
    .verify(0, tokens.of(1, { iat: 2 }))
    .verify(0, tokens.of(3), 'token_outdated')
    .verify(0, tokens.of(4)),
]

/** Events after which a connection is of no use. */
const BROKEN: readonly [string, string][] = [
  ['not JSON', eventText('heartbeat', '{"seq":0')],
  ['a list', eventText('snapshot', '[]')],
  ['a heartbeat without a time', eventText('heartbeat', { log: LOG, seq: 0 })],
  [
    'a heartbeat with a time of another form',
    eventText('heartbeat', { log: LOG, seq: 0, server_time: '2026-01-31 12:00:01Z' }),
  ],
  [
    'a heartbeat whose seq is a text',
    eventText('heartbeat', { log: LOG, seq: '0', server_time: timeAt(1000) }),
  ],
  [
    'a heartbeat whose seq is negative',
    eventText('heartbeat', { log: LOG, seq: -1, server_time: timeAt(1000) }),
  ],
  ['a snapshot without rows', eventText('snapshot', { log: LOG, seq: 0, server_time: timeAt(1000) })],
  ['a part of a snapshot without rows', eventText('revocations', { log: LOG, revocations: {} })],
  ['a revoked event that is not an object', eventText('revoked', '[]')],
]

const broken = (tokens: SessionTokens): Transcript[] =>
  BROKEN.map(([what, text]) =>
    opened(`an event that cannot be read: ${what}`, [ended(1, 1)])
      .bytes(1000, text)
      .isClosed(1000)
      .verify(1000, tokens.of(1), 'session_ended')
      .verify(1000, tokens.of(2))
      .connect(1100),
  )

const memory = (tokens: SessionTokens): Transcript[] => [
  new Transcript('rows that have expired already', { max_staleness_ms: 100_000 })
    .connect(0)
    .bytes(
      0,
      snapshot(3, 0, [
        ended(1, 1, { expires_at: timeAt(-1) }),
        ended(2, 2, { expires_at: timeAt(0) }),
        ended(3, 3, { expires_at: timeAt(-60_000) }),
      ]),
    )
    .health(0, { fresh: true, revoked: 1 })
    .step(0, { session_ended: notices(2) }),
  opened(
    'rows are kept until the end of their minute, and what was forgotten stays expired',
    [
      ended(1, 1, { expires_at: timeAt(10_000) }),
      outdated(2, 2, 3, { expires_at: timeAt(59_999) }),
      ended(3, 3, { expires_at: timeAt(60_000) }),
    ],
    { max_staleness_ms: 100_000 },
  )
    .bytes(40_000, heartbeat(3, 40_000))
    .bytes(59_999, heartbeat(3, 59_999))
    .health(59_999, { revoked: 2, outdated: 1 })
    .verify(59_999, tokens.of(1, { exp: 60 }), 'session_ended')
    .bytes(60_000, heartbeat(3, 60_000))
    .health(60_000, { revoked: 1, outdated: 0 })
    .verify(60_000, tokens.of(1, { exp: 60 }), 'expired')
    .verify(60_000, tokens.of(3, { exp: 120 }), 'session_ended')
    .step(70_000, { end: 'cut' })
    .connect(70_100, idOf(3))
    .bytes(70_100, snapshot(3, 20_000))
    .verify(70_100, tokens.of(1, { exp: 60 }), 'expired')
    .verify(70_100, tokens.of(4, { exp: 60 }), 'expired')
    .verify(70_100, tokens.of(4, { exp: 61 })),
  opened('the later expiry of a session counts', [ended(1, 1, { expires_at: timeAt(10_000) })], {
    max_staleness_ms: 100_000,
  })
    .bytes(
      20_000,
      revoked(ended(2, 1, { expires_at: timeAt(100_000) })),
      revoked(ended(3, 1, { expires_at: timeAt(5_000) })),
    )
    .bytes(60_000, heartbeat(3, 60_000))
    .verify(60_000, tokens.of(1), 'session_ended')
    .bytes(100_000, heartbeat(3, 100_000))
    .bytes(120_000, heartbeat(3, 120_000))
    .health(120_000, { revoked: 0 }),
]

export const feedTranscripts = (tokens: SessionTokens): Transcript[] => [
  ...merging(tokens),
  ...framing(tokens),
  ...unreadable(tokens),
  ...broken(tokens),
  ...memory(tokens),
]

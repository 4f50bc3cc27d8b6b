import type { SessionTokens } from './session-tokens.ts'
import type { Json } from './signing.ts'
import {
  ended,
  eventText,
  heartbeat,
  idOf,
  LOG,
  opened,
  part,
  revoked,
  sessionOf,
  snapshot,
  timeAt,
  Transcript,
} from './transcript.ts'

/** One byte after the other, or a few. */
const pieces = (transcript: Transcript, at: number, text: string, size: number): Transcript => {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += size)
    transcript.step(at, { base64: bytes.subarray(from, from + size).toString('base64') })
  return transcript
}

export const framing = (tokens: SessionTokens): Transcript[] => [
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
  // A line feed that counted as another line end would end the event before its data.
  ['event: revoked\r', `\ndata: ${JSON.stringify(ended(1, 1))}\r`, '\n\r', '\n']
    .reduce(
      (transcript, chunk) => transcript.bytes(100, chunk),
      opened('a line end of two bytes is split between two chunks'),
    )
    .health(100, { revoked: 1 })
    .verify(100, tokens.of(1), 'session_ended'),
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

export const unreadable = (tokens: SessionTokens): Transcript[] => [
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
  opened('a clock that is ahead for a moment ends no refusal')
    .bytes(1000, revoked({ seq: 1, user_id: 1 }), heartbeat(1, 1000))
    .step(1100, { end: 'cut' })
    .connect(1200, idOf(1))
    .bytes(1200, heartbeat(1, 90_000_000))
    .step(2000, { end: 'cut' })
    .connect(2200, idOf(1))
    .bytes(2200, heartbeat(1, 2200))
    .verify(2200, tokens.of(1), 'token_outdated')
    .verify(2200, tokens.of(2)),
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

/** A part of a snapshot with so many rows that cannot be read, and one that can. */
const manyUnreadable = (name: string, count: number): Transcript =>
  new Transcript(name)
    .connect(0)
    .bytes(0, `event: revocations\ndata: {"log":"${LOG}","revocations":[`)
    .step(0, { bytes: '0,', times: count - 1 })
    .bytes(0, `${JSON.stringify(ended(1, 1))},0]}\n\n`)

export const bounds = (tokens: SessionTokens): Transcript[] => [
  manyUnreadable('an event with 100,000 rows that cannot be read', 100_000)
    .isOpen(0)
    .bytes(0, snapshot(1, 0))
    .health(0, { fresh: true })
    .verify(0, tokens.of(1), 'session_ended'),
  manyUnreadable('an event with more than 100,000 rows that cannot be read', 100_001)
    .isClosed(0)
    .health(0, { revoked: 0 })
    .connect(100),
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

export const broken = (tokens: SessionTokens): Transcript[] =>
  BROKEN.map(([what, text]) =>
    opened(`an event that cannot be read: ${what}`, [ended(1, 1)])
      .bytes(1000, text)
      .isClosed(1000)
      .verify(1000, tokens.of(1), 'session_ended')
      .verify(1000, tokens.of(2))
      .connect(1100),
  )

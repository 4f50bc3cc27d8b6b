import { redeem, ticketClaims } from './redemptions.ts'
import type { SessionTokens } from './session-tokens.ts'
import {
  ended,
  eventText,
  heartbeat,
  idOf,
  notices,
  opened,
  OTHER_LOG,
  outdated,
  part,
  revoked,
  snapshot,
  timeAt,
  type Transcript,
} from './transcript.ts'

const OUTDATED = [4408, 'token outdated']

/**
 * Holds a socket with the claims of a ticket. The tokens of its session are outdated by now, which these claims have
 * outlived: only another change closes the socket. So it shows whether a row counts as a change.
 */
const holdAfterChange = (transcript: Transcript, at: number, name: string): Transcript =>
  redeem(transcript, at, 'accepted', { body: ticketClaims(1, { gen: 2 }), hold: name })

const seqs = (): Transcript[] => [
  holdAfterChange(opened('a row that is repeated is not a change', [ended(1, 9), outdated(2, 1, 3)]), 0, 'a')
    .bytes(100, revoked(outdated(2, 1, 3)), revoked(outdated(1, 1, 3)))
    .bytes(200, revoked(outdated(2, 1, 3)))
    .step(200, { closed: {} })
    .bytes(300, revoked(outdated(2, 1, 3, { expires_at: timeAt(900_000) })))
    .step(300, { closed: {} })
    .bytes(400, revoked(outdated(3, 1, 3)))
    .step(400, { closed: { a: OUTDATED } }),
  holdAfterChange(
    opened('the highest seq of a session counts, whatever the order of the rows', [
      outdated(4, 1, 2),
      outdated(3, 1, 3),
      outdated(2, 1, 2, { expires_at: timeAt(900_000) }),
      ended(1, 9),
    ]),
    0,
    'a',
  )
    .bytes(100, revoked(outdated(4, 1, 2)))
    .step(100, { closed: {} })
    .bytes(200, revoked(outdated(5, 1, 2)))
    .step(200, { closed: { a: OUTDATED } }),
  holdAfterChange(opened('a higher generation is a change at a lower seq', [outdated(1, 1, 2)]), 0, 'a')
    .bytes(100, revoked(outdated(0, 1, 3)))
    .step(100, { closed: { a: OUTDATED } }),
  holdAfterChange(
    opened('a snapshot of the same log changes nothing', [ended(1, 9), outdated(2, 1, 3)]),
    0,
    'a',
  )
    .step(100, { end: 'cut' })
    .connect(200, idOf(2))
    .bytes(200, part([outdated(0, 1, 3)]), snapshot(2, 200, [outdated(2, 1, 3), ended(1, 9)]))
    .step(200, { closed: {} }),
]

/** After the rows 1 and 2 of one log, a connection to another one. */
const onOtherLog = (name: string): Transcript =>
  holdAfterChange(opened(name, [ended(1, 9), outdated(2, 1, 3)]), 0, 'a')
    .bytes(1000, heartbeat(2, 1000, OTHER_LOG))
    .isClosed(1000)
    .step(1000, { closed: {} })
    .connect(1100)

const otherLogs = (): Transcript[] => [
  holdAfterChange(
    onOtherLog('a row of another log is a change at a lower seq')
      .bytes(1100, snapshot(1, 1100, [outdated(1, 1, 3)], OTHER_LOG))
      .step(1100, { closed: { a: OUTDATED } }),
    1100,
    'b',
  )
    .bytes(1200, revoked(outdated(1, 1, 3), OTHER_LOG))
    .step(1200, { closed: { a: OUTDATED } })
    .bytes(1300, revoked(outdated(2, 1, 3), OTHER_LOG))
    .step(1300, { closed: { a: OUTDATED, b: OUTDATED } }),
  holdAfterChange(
    onOtherLog('a row of another log is a change at the seq 0')
      .bytes(1100, snapshot(0, 1100, [outdated(0, 1, 3)], OTHER_LOG))
      .step(1100, { closed: { a: OUTDATED } }),
    1100,
    'b',
  )
    .bytes(1200, snapshot(0, 1200, [outdated(0, 1, 3)], OTHER_LOG))
    .step(1200, { closed: { a: OUTDATED } }),
  holdAfterChange(
    onOtherLog('the parts of a snapshot and the snapshot are one log')
      .bytes(1100, part([outdated(1, 1, 3)], OTHER_LOG))
      .step(1100, { closed: { a: OUTDATED } }),
    1100,
    'b',
  )
    .bytes(1100, snapshot(1, 1100, [outdated(1, 1, 3)], OTHER_LOG))
    .step(1100, { closed: { a: OUTDATED } }),
  onOtherLog('a log without an identity is another log')
    .bytes(
      1100,
      eventText('snapshot', { seq: 1, server_time: timeAt(1100), revocations: [outdated(1, 1, 3)] }),
    )
    .step(1100, { closed: { a: OUTDATED } }),
]

const reasons = (tokens: SessionTokens): Transcript[] => [
  opened('the first reason of an ended session stays', [ended(1, 1)])
    .bytes(100, revoked(ended(2, 1, { reason: 'terminated', expires_at: timeAt(700_000) })))
    .verify(100, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .bytes(200, revoked(outdated(3, 1, 9)))
    .verify(200, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .bytes(300, heartbeat(3, 300, OTHER_LOG))
    .connect(400)
    .bytes(
      400,
      snapshot(1, 400, [ended(1, 1, { reason: 'replayed', expires_at: timeAt(800_000) })], OTHER_LOG),
    )
    .verify(400, tokens.of(1), 'session_ended', { reason: 'signed_out' })
    .step(400, { session_ended: notices(1) }),
]

export const logs = (tokens: SessionTokens): Transcript[] => [...seqs(), ...otherLogs(), ...reasons(tokens)]

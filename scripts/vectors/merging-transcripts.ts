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
  Transcript,
} from './transcript.ts'

export const merging = (tokens: SessionTokens): Transcript[] => [
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
  opened('a late row does not set the id to go on from')
    .bytes(100, revoked(ended(1, 1)), revoked(ended(2, 2)), revoked(ended(1, 1)))
    .step(200, { end: 'cut' })
    .connect(300, idOf(2)),
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

import type { SessionTokens } from './session-tokens.ts'
import {
  ended,
  heartbeat,
  idOf,
  notices,
  opened,
  outdated,
  revoked,
  snapshot,
  timeAt,
  Transcript,
} from './transcript.ts'

export const memory = (tokens: SessionTokens): Transcript[] => [
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
  new Transcript('what had expired on arrival stays expired', { max_staleness_ms: 100_000 })
    .connect(0)
    .bytes(0, snapshot(0, 660_000), revoked(ended(1, 1)))
    .health(0, { revoked: 0 })
    .step(1000, { end: 'cut' })
    // The service's clock is set back.
    .connect(1100, idOf(1))
    .bytes(1100, snapshot(1, 1100))
    .verify(1100, tokens.of(1), 'expired')
    .verify(1100, tokens.of(2, { exp: 660 }), 'expired')
    .verify(1100, tokens.of(2, { exp: 661 })),
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

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tallyFault } from '../../service/test/support/fault-report.ts'
import { FeedBroken, readFeedEvent, type FeedEvent } from '../src/feed-events.ts'
import { FeedState, type FeedOutcome } from '../src/feed-state.ts'
import { RevokedSessions } from '../src/revoked-sessions.ts'
import { ServiceTime } from '../src/service-time.ts'
import type { SessionEnd } from '../src/types.ts'

const epoch = Date.UTC(2026, 10, 23)
const sidOf = (seq: number): string => `00000000-0000-7000-8000-${String(seq).padStart(12, '0')}`
const rowOf = (seq: number) => ({
  seq,
  sid: sidOf(seq),
  userId: seq,
  reason: 'terminated',
  expiresAtMs: epoch + 600_000,
})

const snapshot = (seq: number, atMs = 0): FeedEvent => ({
  type: 'snapshot',
  seq,
  serverTimeMs: epoch + atMs,
  revocations: Array.from({ length: seq }, (_, index) => rowOf(index + 1)),
})
const revoked = (seq: number): FeedEvent => ({ type: 'revoked', seq, revocation: rowOf(seq) })
const heartbeat = (seq: number, atMs: number): FeedEvent => ({
  type: 'heartbeat',
  seq,
  serverTimeMs: epoch + atMs,
})

function start() {
  const set = new RevokedSessions()
  const time = new ServiceTime(5_000)
  const ends: SessionEnd[] = []
  time.beginConnection(0)
  const outdated: string[] = []
  const news = { onEnd: (end: SessionEnd) => ends.push(end), onOutdated: (sid: string) => outdated.push(sid) }
  return { set, time, ends, outdated, state: new FeedState(set, time, news) }
}

describe('the state of the feed', () => {
  it('moves on row by row', () => {
    const { state, set, ends } = start()
    const outcomes = [snapshot(2), heartbeat(2, 0), revoked(3), revoked(4), heartbeat(4, 1_000)].map(
      (event) => state.apply(event, 1_000),
    )
    expect(outcomes).toEqual(Array<FeedOutcome>(5).fill('applied'))
    expect([state.position, set.size]).toEqual([4, 4])
    expect(ends.map(({ sid }) => sid)).toEqual([1, 2, 3, 4].map(sidOf))
    expect(ends[3]).toEqual({ sid: sidOf(4), userId: 4, reason: 'terminated' })
  })

  it('asks for a snapshot before it has had one, and when something is missing', () => {
    expect(start().state.apply(revoked(1), 0)).toBe('gap')
    expect(start().state.apply(heartbeat(0, 0), 0)).toBe('gap')
    const { state, set, time } = start()
    state.apply(snapshot(2), 0)
    expect(state.apply(heartbeat(3, 1_000), 1_000)).toBe('gap')
    expect(time.stalenessMs(1_000)).toBe(1_000)
    expect(state.apply(revoked(4), 1_000)).toBe('gap')
    expect([state.position, set.has(sidOf(4))]).toEqual([2, true])
  })

  it('takes no freshness from a heartbeat that is behind', () => {
    const { state, time } = start()
    state.apply(snapshot(2), 0)
    expect(state.apply(heartbeat(1, 2_000), 2_000)).toBe('applied')
    expect(time.stalenessMs(2_000)).toBe(2_000)
    state.apply(heartbeat(2, 2_000), 2_000)
    expect(time.stalenessMs(2_000)).toBe(0)
  })

  it('goes back with a log that has gone back, and forgets nobody', () => {
    const { state, set, time } = start()
    state.apply(snapshot(5), 0)
    expect(state.apply(snapshot(3, 1_000), 1_000)).toBe('applied')
    expect([state.position, set.size]).toEqual([3, 5])
    expect(state.apply(heartbeat(3, 2_000), 2_000)).toBe('applied')
    expect(time.stalenessMs(2_000)).toBe(0)
    state.apply({ type: 'revoked', seq: 4, revocation: { ...rowOf(4), sid: sidOf(99) } }, 2_000)
    expect([state.position, set.has(sidOf(99)), set.size]).toEqual([4, true, 6])
  })

  it('tells outdated tokens apart from ends, each change once, and goes on counting', () => {
    const { state, set, ends, outdated } = start()
    state.apply(snapshot(2), 0)
    const changes = [4, 4, 6].map((upToGeneration, index): FeedEvent => {
      const revocation = { ...rowOf(3), seq: index + 3, reason: 'roles_changed', upToGeneration }
      return { type: 'revoked', seq: index + 3, revocation }
    })
    for (const event of [...changes, ...changes]) expect(state.apply(event, 0)).toBe('applied')
    expect([state.position, set.size, ends.length]).toEqual([5, 2, 2])
    expect(outdated).toEqual([sidOf(3), sidOf(3), sidOf(3)])
    expect(set.outdatedTokensOf(sidOf(3))?.upToGeneration).toBe(6)
  })

  it('forgets by the time of the service, with a heartbeat', () => {
    const { state, set, time } = start()
    state.apply(snapshot(2), 0)
    state.apply(heartbeat(2, 1_000), 1_000)
    expect(set.size).toBe(2)
    time.beginConnection(700_000)
    state.apply(heartbeat(2, 700_000), 700_000)
    expect(set.size).toBe(0)
  })
})

describe('duplicated, reordered, cut off, replayed', () => {
  const LAST = 8
  /** Everything a service may have said over several connections, in order. */
  const script: readonly FeedEvent[] = [
    snapshot(2, 0),
    ...Array.from({ length: LAST - 2 }, (_, index) => [
      revoked(index + 3),
      heartbeat(index + 3, index * 100 + 100),
    ]).flat(),
    snapshot(5, 350),
    snapshot(LAST, 600),
    heartbeat(2, 10),
  ]
  const shaken = fc
    .array(fc.nat(script.length - 1), { maxLength: 60 })
    .map((picks) => picks.flatMap((pick) => script[pick] ?? []))

  it('the feed ends in the same state, or asks for a snapshot', () => {
    const tally = tallyFault('duplicated, shuffled, replayed, truncated feed')
    fc.assert(
      fc.property(shaken, (events) => {
        tally.rounds += 1
        tally.injected += 1
        const { state, set, ends } = start()
        const outcomes = events.map((event) => state.apply(event, 700))
        const told = new Set(
          events.flatMap((event) =>
            event.type === 'snapshot'
              ? event.revocations.map(({ sid }) => sid)
              : event.type === 'revoked'
                ? [event.revocation.sid]
                : [],
          ),
        )
        // Whatever was told, in whatever order, is known; each end was passed on once.
        expect(new Set(ends.map(({ sid }) => sid))).toEqual(told)
        expect(ends).toHaveLength(told.size)
        expect(set.size).toBe(told.size)
        // And up to the position nothing is missing, although nobody asked for a snapshot.
        for (let seq = 1; seq <= (state.position ?? 0); seq += 1) expect(set.has(sidOf(seq))).toBe(true)
        if (outcomes.includes('gap')) state.apply(snapshot(LAST, 700), 700)
        else for (const event of script) state.apply(event, 700)
        state.apply(snapshot(LAST, 700), 700)
        expect([state.position, set.size]).toEqual([LAST, LAST])
      }),
      { numRuns: 500 },
    )
  })

  it('nothing makes it believe that it knows more than it does', () => {
    fc.assert(
      fc.property(shaken, (events) => {
        const { state, set, time } = start()
        for (const event of events) {
          state.apply(event, 700)
          const completeUpTo = 700 - time.stalenessMs(700)
          // Row n was committed 50 ms before the heartbeat that follows it.
          for (let seq = 3; seq <= LAST; seq += 1) {
            if ((seq - 2) * 100 - 50 < completeUpTo) expect(set.has(sidOf(seq))).toBe(true)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('what is known of outdated tokens is the same in the end, and never less', () => {
    /** Of three sessions, whose generations only grow; one of them ends, and one is outdated twice in a row. */
    const rows = [
      { sid: 1, upToGeneration: 0 },
      { sid: 2, upToGeneration: 4 },
      { sid: 3, upToGeneration: 2 },
      { sid: 1, upToGeneration: 3 },
      { sid: 2 },
      { sid: 1, upToGeneration: 3 },
    ].map(({ sid, ...given }, index) => ({ ...rowOf(sid), seq: index + 1, ...given }))
    const all = rows.map((revocation): FeedEvent => ({ type: 'revoked', seq: revocation.seq, revocation }))
    const whole: FeedEvent = { type: 'snapshot', seq: rows.length, serverTimeMs: epoch, revocations: rows }
    const known = (set: RevokedSessions) =>
      [1, 2, 3].map((sid) => ({
        upTo: set.outdatedTokensOf(sidOf(sid))?.upToGeneration ?? -1,
        reason: set.reasonOf(sidOf(sid)),
      }))
    fc.assert(
      fc.property(fc.array(fc.nat(rows.length), { maxLength: 40 }), (picks) => {
        const { state, set, outdated } = start()
        let before = known(set)
        for (const pick of picks) {
          state.apply(all[pick] ?? whole, 0)
          const after = known(set)
          for (const [at, { upTo, reason }] of before.entries()) {
            expect(after[at]?.upTo).toBeGreaterThanOrEqual(upTo)
            expect([undefined, after[at]?.reason]).toContain(reason)
          }
          before = after
        }
        state.apply(whole, 0)
        expect(known(set)).toEqual([
          { upTo: 3, reason: undefined },
          { upTo: 4, reason: 'terminated' },
          { upTo: 2, reason: undefined },
        ])
        // Every last change was told, none of them more often than there were.
        const times = [1, 2, 3].map((sid) => outdated.filter((each) => each === sidOf(sid)).length)
        for (const [at, most] of [3, 1, 1].entries()) {
          expect(times[at]).toBeGreaterThanOrEqual(1)
          expect(times[at]).toBeLessThanOrEqual(most)
        }
        const last = set.lastPlace
        for (const event of [...all, whole]) state.apply(event, 0)
        expect([set.lastPlace, last]).toEqual([last, outdated.length])
      }),
    )
  })

  it('a terminated session never comes back', () => {
    const tally = tallyFault('duplicated, shuffled, replayed, truncated feed')
    fc.assert(
      fc.property(shaken, shaken, (before, after) => {
        tally.rounds += 1
        tally.injected += 1
        const { state, set } = start()
        for (const event of before) state.apply(event, 700)
        const known = [...Array(LAST + 1).keys()].map(sidOf).filter((sid) => set.has(sid))
        for (const event of after) state.apply(event, 700)
        for (const sid of known) expect(set.reasonOf(sid)).toBe('terminated')
      }),
    )
  })
})

describe('an event of the feed', () => {
  const row = {
    seq: 3,
    sid: sidOf(3),
    user_id: 7,
    reason: 'terminated',
    expires_at: '2026-11-23T22:10:00.000Z',
  }
  const read = (type: string, data: unknown) =>
    readFeedEvent({ type, data: typeof data === 'string' ? data : JSON.stringify(data) })

  it('is read', () => {
    expect(read('revoked', { ...row, more: 1 })).toEqual({
      type: 'revoked',
      seq: 3,
      revocation: {
        seq: 3,
        sid: row.sid,
        userId: 7,
        reason: 'terminated',
        expiresAtMs: Date.UTC(2026, 10, 23, 22, 10),
      },
    })
    expect(read('revoked', { ...row, reason: 'roles_changed', up_to_generation: 0 })).toMatchObject({
      revocation: { reason: 'roles_changed', upToGeneration: 0 },
    })
    expect(read('heartbeat', { seq: 0, server_time: '2026-11-23T22:00:00Z' })).toMatchObject({ seq: 0 })
    expect(read('message', 'anything')).toBeUndefined()
    expect(read('constructor', '{}')).toBeUndefined()
  })

  it.each([
    ['heartbeat', 'x'],
    ['heartbeat', ''],
    ['heartbeat', null],
    ['heartbeat', []],
    ['heartbeat', { seq: '3', server_time: row.expires_at }],
    ['heartbeat', { seq: -1, server_time: row.expires_at }],
    ['heartbeat', { seq: 1.5, server_time: row.expires_at }],
    ['heartbeat', { seq: 2 ** 53, server_time: row.expires_at }],
    ['heartbeat', { seq: 3 }],
    ['heartbeat', { seq: 3, server_time: 'yesterday' }],
    ['heartbeat', { seq: 3, server_time: '2026' }],
    ['heartbeat', { seq: 3, server_time: 1_795_000_000_000 }],
    ['heartbeat', { seq: 3, server_time: '2026-13-23T22:00:00Z' }],
    ['snapshot', { seq: 3, server_time: row.expires_at }],
    ['snapshot', { seq: 3, server_time: row.expires_at, revocations: {} }],
    ['snapshot', { seq: 3, server_time: row.expires_at, revocations: [null] }],
    ['snapshot', { seq: 3, server_time: row.expires_at, revocations: [{ ...row, seq: undefined }] }],
    ['snapshot', { seq: 3, server_time: row.expires_at, revocations: [row, { ...row, sid: 'x' }] }],
    ['revoked', { ...row, sid: row.sid.toUpperCase().replace('0', 'A') }],
    ['revoked', { ...row, sid: [row.sid] }],
    ['revoked', { ...row, user_id: '7' }],
    ['revoked', { ...row, reason: 7 }],
    ['revoked', { ...row, reason: 'x'.repeat(101) }],
    ['revoked', { ...row, expires_at: null }],
    ['revoked', { ...row, seq: undefined }],
    ['revoked', { ...row, up_to_generation: null }],
    ['revoked', { ...row, up_to_generation: '3' }],
    ['revoked', { ...row, up_to_generation: -1 }],
    ['revoked', { ...row, up_to_generation: 1.5 }],
    ['revoked', { ...row, up_to_generation: 2 ** 31 }],
  ])('%s that cannot be relied on is refused: %j', (type, data) => {
    expect(() => read(type, data)).toThrow(FeedBroken)
  })
})

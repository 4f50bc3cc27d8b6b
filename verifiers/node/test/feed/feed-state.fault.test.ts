import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FeedBroken, readFeedEvent, type FeedEvent } from '../../src/feed/feed-events.ts'
import type { FeedOutcome } from '../../src/feed/feed-state.ts'
import type { Claims } from '../../src/token-types.ts'
import type { RevocationStore } from '../../src/feed/revocation-store.ts'
import {
  epoch,
  heartbeat,
  LAST,
  outdatedUpTo,
  revoked,
  rowOf,
  shuffled,
  sidOf,
  snapshot,
  startState,
} from '../support/feed-script.ts'

describe('the state of the feed', () => {
  test('the feed state advances row by row', () => {
    const { state, store, ends } = startState()
    const outcomes = [snapshot(2), heartbeat(2, 0), revoked(3), revoked(4), heartbeat(4, 1_000)].map(
      (event) => state.apply(event, 1_000),
    )
    expect(outcomes).toEqual(Array<FeedOutcome>(5).fill('applied'))
    expect([state.seq, store.size]).toEqual([4, 4])
    expect(ends.map(({ sid }) => sid)).toEqual([1, 2, 3, 4].map(sidOf))
    expect(ends[3]).toEqual({ sid: sidOf(4), userId: 4, reason: 'terminated' })
  })

  test('the feed state requests a snapshot at first, and when a row is missing', () => {
    expect(startState().state.apply(revoked(1), 0)).toBe('gap')
    expect(startState().state.apply(heartbeat(0, 0), 0)).toBe('gap')
    const { state, store, time } = startState()
    state.apply(snapshot(2), 0)
    expect(state.apply(heartbeat(3, 1_000), 1_000)).toBe('gap')
    expect(time.stalenessMs(1_000)).toBe(1_000)
    expect(state.apply(revoked(4), 1_000)).toBe('gap')
    expect([state.seq, store.has(sidOf(4))]).toEqual([2, true])
  })

  test('a heartbeat that is behind does not make the feed state fresh', () => {
    const { state, time } = startState()
    state.apply(snapshot(2), 0)
    expect(state.apply(heartbeat(1, 2_000), 2_000)).toBe('applied')
    expect(time.stalenessMs(2_000)).toBe(2_000)
    state.apply(heartbeat(2, 2_000), 2_000)
    expect(time.stalenessMs(2_000)).toBe(0)
  })

  test(
    'the feed state follows a log that was set back, and keeps all known ends',
    { tags: ['FEED-1'] },
    () => {
      const { state, store, time } = startState()
      state.apply(snapshot(5), 0)
      expect(state.apply(snapshot(3, 1_000), 1_000)).toBe('applied')
      expect([state.seq, store.size]).toEqual([3, 5])
      expect(state.apply(heartbeat(3, 2_000), 2_000)).toBe('applied')
      expect(time.stalenessMs(2_000)).toBe(0)
      state.apply({ type: 'revoked', seq: 4, revocation: { ...rowOf(4), sid: sidOf(99) } }, 2_000)
      expect([state.seq, store.has(sidOf(99)), store.size]).toEqual([4, true, 6])
    },
  )

  test('the feed state reports outdated tokens apart from ends, each change once', () => {
    const { state, store, ends, outdated } = startState()
    state.apply(snapshot(2), 0)
    const changes = [4, 4, 6].map((upToGeneration, index): FeedEvent => {
      const revocation = { ...rowOf(3), seq: index + 3, reason: 'roles_changed', upToGeneration }
      return { type: 'revoked', seq: index + 3, revocation }
    })
    for (const event of [...changes, ...changes]) expect(state.apply(event, 0)).toBe('applied')
    expect([state.seq, store.size, ends.length]).toEqual([5, 2, 2])
    expect(outdated).toEqual([sidOf(3), sidOf(3), sidOf(3)])
    expect(outdatedUpTo(store, sidOf(3))).toBe(6)
  })

  test('a heartbeat removes expired ends by the service’s time', () => {
    const { state, store, time } = startState()
    state.apply(snapshot(2), 0)
    state.apply(heartbeat(2, 1_000), 1_000)
    expect(store.size).toBe(2)
    time.beginConnection(700_000)
    state.apply(heartbeat(2, 700_000), 700_000)
    expect(store.size).toBe(0)
  })
})

describe('duplicated, reordered, cut off, replayed', () => {
  test('no order of rows makes the feed state believe that it knows more than it does', () => {
    fc.assert(
      fc.property(shuffled, (events) => {
        const { state, store, time } = startState()
        for (const event of events) {
          state.apply(event, 700)
          const completeUpTo = 700 - time.stalenessMs(700)
          // Row n was committed 50 ms before the heartbeat that follows it.
          for (let seq = 3; seq <= LAST; seq += 1) {
            if ((seq - 2) * 100 - 50 < completeUpTo) expect(store.has(sidOf(seq))).toBe(true)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('outdated tokens are known in the end whatever the order of rows, and never fewer', () => {
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
    const whole: FeedEvent = {
      type: 'snapshot',
      seq: rows.length,
      serverTimeMs: epoch,
      revocations: rows,
      unreadable: [],
    }
    const known = (store: RevocationStore) =>
      [1, 2, 3].map((sid) => ({
        upTo: outdatedUpTo(store, sidOf(sid)),
        reason: store.reasonOf(sidOf(sid)),
      }))
    fc.assert(
      fc.property(fc.array(fc.nat(rows.length), { maxLength: 40 }), (picks) => {
        const { state, store, outdated } = startState()
        let before = known(store)
        for (const pick of picks) {
          state.apply(all[pick] ?? whole, 0)
          const after = known(store)
          for (const [at, { upTo, reason }] of before.entries()) {
            expect(after[at]?.upTo).toBeGreaterThanOrEqual(upTo)
            expect([undefined, after[at]?.reason]).toContain(reason)
          }
          before = after
        }
        state.apply(whole, 0)
        expect(known(store)).toEqual([
          { upTo: 3, reason: undefined },
          { upTo: 4, reason: 'terminated' },
          { upTo: 2, reason: undefined },
        ])
        // Each session was reported, at most as often as it changed.
        const times = [1, 2, 3].map((sid) => outdated.filter((each) => each === sidOf(sid)).length)
        for (const [at, most] of [3, 1, 1].entries()) {
          expect(times[at]).toBeGreaterThanOrEqual(1)
          expect(times[at]).toBeLessThanOrEqual(most)
        }
        const last = store.revision
        for (const event of [...all, whole]) state.apply(event, 0)
        expect([store.revision, last]).toEqual([last, outdated.length])
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

  test('an event of the feed is parsed', () => {
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

  test.each([
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
  ])('an unreliable %s of the feed is refused: %j', (type, data) => {
    expect(() => read(type, data)).toThrow(FeedBroken)
  })

  const broken: readonly object[] = [
    { sid: row.sid.toUpperCase().replace('0', 'A') },
    { sid: [row.sid] },
    { sid: undefined, kind: 'all_sessions' },
    { reason: 7 },
    { reason: null },
    { reason: 'x'.repeat(101) },
    { expires_at: null },
    { expires_at: 1_795_000_000 },
    { seq: undefined },
    { seq: '3' },
    { up_to_generation: null },
    { up_to_generation: '3' },
    { up_to_generation: -1 },
    { up_to_generation: 1.5 },
    { up_to_generation: 2 ** 31 },
  ]

  test.each(broken)('a row with %j names its user, and the rows beside it are read', (changed) => {
    const bad = { ...row, ...changed }
    const event = read('snapshot', { seq: 9, server_time: row.expires_at, revocations: [row, bad, row] })
    expect(event).toMatchObject({ type: 'snapshot', seq: 9, unreadable: [{ userId: 7 }] })
    expect(event).toMatchObject({ revocations: [{ sid: row.sid }, { sid: row.sid }] })
    const alone = read('revoked', bad)
    expect(alone).toMatchObject({ type: 'unreadable', row: { userId: 7 } })
    expect((alone as { seq?: number }).seq).toBe('seq' in changed ? undefined : 3)
  })

  test.each([['7'], [null], [undefined], [2 ** 53], [0], [{}]])(
    'a row whose user_id is %j names its session instead',
    (userId) => {
      const { row: named } = read('revoked', { ...row, user_id: userId }) as { row: object }
      expect(named).toMatchObject({ sid: row.sid })
      expect(named).not.toHaveProperty('userId')
    },
  )

  test.each([[null], [[]], ['x'], [7], [{}], [{ seq: 4, kind: 'later' }]])(
    'the row %j, which names nobody, does not break a snapshot',
    (bad) => {
      expect(
        read('snapshot', { seq: 9, server_time: row.expires_at, revocations: [bad, row] }),
      ).toMatchObject({
        revocations: [{ sid: row.sid }],
        unreadable: [{ problem: expect.any(String) as string }],
      })
    },
  )
})

describe('an unreadable row', { tags: ['VERIFIER-1'] }, () => {
  const row = { fingerprint: 'f', problem: 'p', userId: 7 }
  const claimsAt = (iatMs: number, changed: object = {}) =>
    ({ sid: sidOf(1), user_id: 7, gen: 0, iat: Math.floor((epoch + iatMs) / 1000), ...changed }) as Claims

  test('an unreadable row refuses the tokens that its user has, not those issued later', () => {
    const { state, store, outdated, problems } = startState()
    state.apply(snapshot(0), 0)
    expect(state.apply({ type: 'unreadable', seq: 1, row }, 10_000)).toBe('applied')
    expect([state.seq, outdated, problems]).toEqual([1, [7], ['p']])
    expect(store.revisionOutdating(claimsAt(10_000))).toBe(1)
    expect(store.revisionOutdating(claimsAt(-500_000, { sid: sidOf(9), gen: 80 }))).toBe(1)
    expect(store.revisionOutdating(claimsAt(10_000, { user_id: 8 }))).toBeUndefined()
    expect(store.revisionOutdating(claimsAt(12_000))).toBeUndefined()
  })

  test('an unreadable row with only a session id refuses that session', () => {
    const { state, store, outdated } = startState()
    state.apply(snapshot(0), 0)
    state.apply(
      { type: 'unreadable', seq: 1, row: { fingerprint: 'f', problem: 'p', sid: sidOf(1) } },
      10_000,
    )
    expect(outdated).toEqual([sidOf(1)])
    expect(store.revisionOutdating(claimsAt(10_000))).toBe(1)
    expect(store.revisionOutdating(claimsAt(10_000, { sid: sidOf(2) }))).toBeUndefined()
  })

  test('an unreadable row that comes before the first snapshot refuses its user from then on', () => {
    const { state, store, problems } = startState()
    const rows = { revocations: [], unreadable: [row] }
    expect(state.apply({ type: 'revocations', ...rows }, 0)).toBe('applied')
    expect(state.apply({ type: 'revocations', ...rows }, 0)).toBe('applied')
    expect(state.apply(snapshot(3), 0)).toBe('applied')
    expect(store.revisionOutdating(claimsAt(0))).toBeDefined()
    expect(store.revisionOutdating(claimsAt(5_000))).toBeUndefined()
    expect(problems).toEqual(['p'])
  })

  test('an unreadable row is reported once, and a repeated snapshot refuses nothing more', () => {
    const { state, store, problems } = startState()
    const whole = (atMs: number): FeedEvent => ({
      type: 'snapshot',
      seq: 3,
      serverTimeMs: epoch + atMs,
      revocations: [],
      unreadable: [row],
    })
    for (const atMs of [0, 60_000, 3_600_000]) {
      expect(state.apply(whole(atMs), atMs)).toBe('applied')
      expect(store.revisionOutdating(claimsAt(5_000))).toBeUndefined()
      expect(store.revisionOutdating(claimsAt(0))).toBe(1)
    }
    expect([state.seq, problems]).toEqual([3, ['p']])
  })

  test('an unreadable row without a seq leaves a gap that the next event shows', () => {
    const { state } = startState()
    state.apply(snapshot(2), 0)
    expect(state.apply({ type: 'unreadable', seq: undefined, row }, 1_000)).toBe('applied')
    expect(state.apply(heartbeat(3, 1_000), 1_000)).toBe('gap')
  })

  test('an unreadable row is removed when every token it could mean has expired', () => {
    const { state, store, time } = startState()
    state.apply(snapshot(0), 0)
    state.apply({ type: 'unreadable', seq: 1, row }, 0)
    const DAY_MS = 86_400_000
    for (const [atMs, revision] of [
      [DAY_MS, 1],
      [DAY_MS + 2_000, undefined],
    ] as const) {
      time.beginConnection(atMs)
      state.apply(heartbeat(1, atMs), atMs)
      expect(store.revisionOutdating(claimsAt(0))).toBe(revision)
    }
  })

  test('an unreadable row among other events refuses its user in any order', () => {
    const unreadable: FeedEvent = { type: 'unreadable', seq: 3, row }
    const all = [revoked(1), revoked(2), unreadable, revoked(4)]
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 4 }), (events) => {
        const { state, store, problems } = startState()
        state.apply(snapshot(0), 0)
        for (const event of [...events, ...events]) state.apply(event, 1_000)
        expect(store.revisionOutdating(claimsAt(0))).toBeGreaterThan(0)
        expect([store.size, problems]).toEqual([3, ['p']])
      }),
    )
  })
})

// The revocation feed with events that are dropped, repeated, reordered and replayed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { recordFault } from '../service/test/support/fault-report.ts'
import {
  LAST,
  script,
  shuffled,
  sidOf,
  snapshot,
  startState,
} from '../verifiers/node/test/support/feed-script.ts'

test('a feed with dropped and repeated events ends in the same state, or reports a gap', () => {
  const result = recordFault('duplicated, shuffled, replayed, truncated feed')
  fc.assert(
    fc.property(shuffled, (events) => {
      result.rounds += 1
      result.injected += 1
      const { state, store, ends } = startState()
      const outcomes = events.map((event) => state.apply(event, 700))
      const sent = new Set(
        events.flatMap((event) =>
          event.type === 'snapshot'
            ? event.revocations.map(({ sid }) => sid)
            : event.type === 'revoked'
              ? [event.revocation.sid]
              : [],
        ),
      )
      // In any order, every session that was sent is known, and each end was reported once.
      expect(new Set(ends.map(({ sid }) => sid))).toEqual(sent)
      expect(ends).toHaveLength(sent.size)
      expect(store.size).toBe(sent.size)
      // Nothing is missing up to the seq of the state.
      for (let seq = 1; seq <= (state.seq ?? 0); seq += 1) expect(store.has(sidOf(seq))).toBe(true)
      if (outcomes.includes('gap')) state.apply(snapshot(LAST, 700), 700)
      else for (const event of script) state.apply(event, 700)
      state.apply(snapshot(LAST, 700), 700)
      expect([state.seq, store.size]).toEqual([LAST, LAST])
    }),
    { numRuns: 500 },
  )
})

test('an ended session stays ended, whatever events of the feed are repeated', () => {
  const result = recordFault('duplicated, shuffled, replayed, truncated feed')
  fc.assert(
    fc.property(shuffled, shuffled, (before, after) => {
      result.rounds += 1
      result.injected += 1
      const { state, store } = startState()
      for (const event of before) state.apply(event, 700)
      const known = [...Array(LAST + 1).keys()].map(sidOf).filter((sid) => store.has(sid))
      for (const event of after) state.apply(event, 700)
      for (const sid of known) expect(store.reasonOf(sid)).toBe('terminated')
    }),
  )
})

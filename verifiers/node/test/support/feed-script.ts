import fc from 'fast-check'
import type { FeedEvent } from '../../src/feed/feed-events.ts'
import { FeedState, type OutdatedSubject } from '../../src/feed/feed-state.ts'
import { RevocationStore } from '../../src/feed/revocation-store.ts'
import { ServiceTime } from '../../src/feed/service-time.ts'
import type { Claims, SessionEnd } from '../../src/token-types.ts'

export const epoch = Date.UTC(2026, 10, 23)
export const sidOf = (seq: number): string => `00000000-0000-7000-8000-${String(seq).padStart(12, '0')}`
export const rowOf = (seq: number) => ({
  seq,
  sid: sidOf(seq),
  userId: seq,
  reason: 'terminated',
  expiresAtMs: epoch + 600_000,
})

export const snapshot = (seq: number, atMs = 0): FeedEvent => ({
  type: 'snapshot',
  seq,
  serverTimeMs: epoch + atMs,
  revocations: Array.from({ length: seq }, (_, index) => rowOf(index + 1)),
  unreadable: [],
})
export const revoked = (seq: number): FeedEvent => ({ type: 'revoked', seq, revocation: rowOf(seq) })
export const heartbeat = (seq: number, atMs: number): FeedEvent => ({
  type: 'heartbeat',
  seq,
  serverTimeMs: epoch + atMs,
})

/** The revision of the store that makes the session's tokens of that generation outdated, however young they are. */
export const outdatedBy = (store: RevocationStore, sid: string, gen: number): number | undefined =>
  store.revisionOutdating({ sid, gen, user_id: 0, iat: Number.MAX_SAFE_INTEGER } as Claims)

/** The newest generation of the session whose tokens are outdated; -1 for none. */
export function outdatedUpTo(store: RevocationStore, sid: string): number {
  let generation = -1
  while (outdatedBy(store, sid, generation + 1) !== undefined) generation += 1
  return generation
}

/** An empty state on a new connection, and what its listeners were called with. */
export function startState() {
  const store = new RevocationStore()
  const time = new ServiceTime(5_000)
  const ends: SessionEnd[] = []
  time.beginConnection(0)
  const outdated: (string | number)[] = []
  const problems: string[] = []
  const listeners = {
    onEnd: (end: SessionEnd) => ends.push(end),
    onOutdated: (subject: OutdatedSubject) => outdated.push('sid' in subject ? subject.sid : subject.userId),
    onUnreadable: (problem: string) => problems.push(problem),
  }
  return { store, time, ends, outdated, problems, state: new FeedState(store, time, listeners) }
}

export const LAST = 8
/** All events of several connections, in order. */
export const script: readonly FeedEvent[] = [
  snapshot(2, 0),
  ...Array.from({ length: LAST - 2 }, (_, index) => [
    revoked(index + 3),
    heartbeat(index + 3, index * 100 + 100),
  ]).flat(),
  snapshot(5, 350),
  snapshot(LAST, 600),
  heartbeat(2, 10),
]
/** Events of the script, dropped, repeated and in any order. */
export const shuffled = fc
  .array(fc.nat(script.length - 1), { maxLength: 60 })
  .map((picks) => picks.flatMap((pick) => script[pick] ?? []))

import type { SessionEnd } from '../token-types.ts'
import type { UnreadableRow } from './unreadable-rows.ts'
import type { FeedEvent } from './feed-events.ts'
import type { Revocation, RevocationStore } from './revocation-store.ts'
import type { ServiceTime } from './service-time.ts'

/** `gap`: events are missing, a snapshot is needed. `measure_again`: the times of this connection are unreliable. */
export type FeedOutcome = 'applied' | 'gap' | 'measure_again'

/** Whose tokens became outdated: those of a session, or all those that a user has. */
export type OutdatedSubject = { readonly sid: string } | { readonly userId: number }

interface FeedStateListeners {
  /** A session ended that was not known to have ended. */
  readonly onEnd: (end: SessionEnd) => void
  /** Tokens became outdated, of sessions that may be live. */
  readonly onOutdated: (subject: OutdatedSubject) => void
  /** A row that was not known cannot be read. */
  readonly onUnreadable: (problem: string) => void
}

/**
 * The state after the feed events so far. Events may be reordered, repeated, or come from several connections: the same
 * sessions are known as ended in the end, or `gap` is returned.
 */
export class FeedState {
  /** Every log entry up to this seq is known; undefined before the first snapshot. */
  seq: number | undefined
  /** The identity of the log that `seq` belongs to; undefined before the first snapshot, and for earlier versions. */
  #log: string | undefined
  /** The log that the seqs in the store belong to. */
  #logOfRows: string | undefined
  /** By fingerprint: rows that came before the first service time. Which tokens are older than they is not known yet. */
  readonly #beforeTime = new Map<string, UnreadableRow>()
  readonly #store: RevocationStore
  readonly #time: ServiceTime
  readonly #listeners: FeedStateListeners

  constructor(store: RevocationStore, time: ServiceTime, listeners: FeedStateListeners) {
    this.#store = store
    this.#time = time
    this.#listeners = listeners
  }

  /** `arrivedAt` is on the monotonic clock. */
  apply(event: FeedEvent, arrivedAt: number): FeedOutcome {
    switch (event.type) {
      case 'snapshot':
        return this.#applySnapshot(event, arrivedAt)
      case 'revocations':
        this.#addRows(event, arrivedAt)
        return 'applied'
      case 'revoked':
        return this.#applyRevoked(event, arrivedAt)
      case 'unreadable':
        return this.#applyUnreadable(event, arrivedAt)
      case 'heartbeat':
        return this.#applyHeartbeat(event, arrivedAt)
    }
  }

  #applySnapshot(event: FeedEvent & { type: 'snapshot' }, arrivedAt: number): FeedOutcome {
    const measured = this.#time.observe(event.serverTimeMs, arrivedAt)
    for (const row of this.#beforeTime.values()) this.#refuseSubject(row, arrivedAt)
    this.#beforeTime.clear()
    this.#addRows(event, arrivedAt)
    // The seq may be lower than before: the log was set back or is another one. Known ends stay known.
    this.seq = event.seq
    this.#log = event.log
    if (measured === 'measure_again') return measured
    this.#time.completeUpTo(event.serverTimeMs, arrivedAt)
    return 'applied'
  }

  #addRows(
    { log, revocations, unreadable }: FeedEvent & { type: 'revocations' | 'snapshot' },
    arrivedAt: number,
  ): void {
    if (log !== this.#logOfRows) this.#store.forgetSeqs()
    this.#logOfRows = log
    for (const revocation of revocations) this.#revoke(revocation, arrivedAt)
    for (const row of unreadable) this.#refuseSubject(row, arrivedAt)
  }

  #applyRevoked({ seq, revocation }: FeedEvent & { type: 'revoked' }, arrivedAt: number): FeedOutcome {
    this.#revoke(revocation, arrivedAt)
    return this.#advance(seq)
  }

  #applyUnreadable({ seq, row }: FeedEvent & { type: 'unreadable' }, arrivedAt: number): FeedOutcome {
    this.#refuseSubject(row, arrivedAt)
    // Without a readable seq, the next event shows a gap, and a snapshot fills it.
    return seq === undefined ? 'applied' : this.#advance(seq)
  }

  #advance(seq: number): FeedOutcome {
    if (this.seq === undefined || seq > this.seq + 1) return 'gap'
    this.seq = Math.max(this.seq, seq)
    return 'applied'
  }

  #applyHeartbeat(
    { log, seq, serverTimeMs }: FeedEvent & { type: 'heartbeat' },
    arrivedAt: number,
  ): FeedOutcome {
    if (this.seq === undefined || seq > this.seq || log !== this.#log) return 'gap'
    // A heartbeat of an earlier seq does not prove that later entries are known.
    if (seq < this.seq) return 'applied'
    if (this.#time.observe(serverTimeMs, arrivedAt) === 'measure_again') return 'measure_again'
    this.#time.completeUpTo(serverTimeMs, arrivedAt)
    this.#store.forgetUnreadable(arrivedAt)
    this.#store.forget(this.#time.now(arrivedAt) ?? -Infinity)
    return 'applied'
  }

  #revoke(revocation: Revocation, arrivedAt: number): void {
    const isNew = this.#store.add(revocation, this.#time.now(arrivedAt) ?? -Infinity)
    if (!isNew) return
    const { sid, userId, reason, upToGeneration } = revocation
    if (upToGeneration === undefined) this.#listeners.onEnd({ sid, userId, reason })
    else this.#listeners.onOutdated({ sid })
  }

  #refuseSubject(row: UnreadableRow, arrivedAt: number): void {
    const nowMs = this.#time.now(arrivedAt)
    if (nowMs === undefined) {
      this.#beforeTime.set(row.fingerprint, row)
      return
    }
    if (!this.#store.addUnreadable(row, nowMs, arrivedAt)) return
    this.#listeners.onUnreadable(row.problem)
    if (row.userId !== undefined) this.#listeners.onOutdated({ userId: row.userId })
    else if (row.sid !== undefined) this.#listeners.onOutdated({ sid: row.sid })
  }
}

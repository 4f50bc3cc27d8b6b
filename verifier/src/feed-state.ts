import type { FeedEvent } from './feed-events.ts'
import type { Revocation, RevokedSessions } from './revoked-sessions.ts'
import type { ServiceTime } from './service-time.ts'
import type { SessionEnd } from './types.ts'

/** `gap`: something is missing, only a snapshot helps. `measure_again`: the times of this connection are off. */
export type FeedOutcome = 'applied' | 'gap' | 'measure_again'

interface News {
  /** A session has ended that was not known to have. */
  readonly onEnd: (end: SessionEnd) => void
  /** That session goes on, and its tokens so far were outdated once more. */
  readonly onOutdated: (sid: string) => void
}

/**
 * What the feed has told so far. Whatever order events come in, however often, and from whichever connection, the same
 * sessions are known as ended or `gap` is answered.
 */
export class FeedState {
  /** The place in the log up to which everything is known. */
  position: number | undefined
  readonly #revoked: RevokedSessions
  readonly #time: ServiceTime
  readonly #news: News

  constructor(revoked: RevokedSessions, time: ServiceTime, news: News) {
    this.#revoked = revoked
    this.#time = time
    this.#news = news
  }

  /** `arrivedAt` is on the monotonic clock. */
  apply(event: FeedEvent, arrivedAt: number): FeedOutcome {
    switch (event.type) {
      case 'snapshot':
        return this.#applySnapshot(event, arrivedAt)
      case 'revoked':
        return this.#applyRevoked(event, arrivedAt)
      case 'heartbeat':
        return this.#applyHeartbeat(event, arrivedAt)
    }
  }

  #applySnapshot(event: FeedEvent & { type: 'snapshot' }, arrivedAt: number): FeedOutcome {
    const measured = this.#time.observe(event.serverTimeMs, arrivedAt)
    for (const revocation of event.revocations) this.#revoke(revocation, arrivedAt)
    // Also a lower one: the service works on an older copy of its log. What is known to have ended stays so.
    this.position = event.seq
    if (measured === 'measure_again') return measured
    this.#time.completeUpTo(event.serverTimeMs, arrivedAt)
    return 'applied'
  }

  #applyRevoked({ seq, revocation }: FeedEvent & { type: 'revoked' }, arrivedAt: number): FeedOutcome {
    this.#revoke(revocation, arrivedAt)
    if (this.position === undefined || seq > this.position + 1) return 'gap'
    this.position = Math.max(this.position, seq)
    return 'applied'
  }

  #applyHeartbeat({ seq, serverTimeMs }: FeedEvent & { type: 'heartbeat' }, arrivedAt: number): FeedOutcome {
    if (this.position === undefined || seq > this.position) return 'gap'
    // One that is behind says nothing about what came after it.
    if (seq < this.position) return 'applied'
    if (this.#time.observe(serverTimeMs, arrivedAt) === 'measure_again') return 'measure_again'
    this.#time.completeUpTo(serverTimeMs, arrivedAt)
    this.#revoked.forget(this.#time.now(arrivedAt) ?? -Infinity)
    return 'applied'
  }

  #revoke(revocation: Revocation, arrivedAt: number): void {
    const isNew = this.#revoked.add(revocation, this.#time.now(arrivedAt) ?? -Infinity)
    if (!isNew) return
    const { sid, userId, reason, upToGeneration } = revocation
    if (upToGeneration === undefined) this.#news.onEnd({ sid, userId, reason })
    else this.#news.onOutdated(sid)
  }
}

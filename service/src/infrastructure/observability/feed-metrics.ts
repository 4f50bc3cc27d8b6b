import type { Counter, Histogram, Meter } from '@opentelemetry/api'
import type { LoggedRevocation } from '../../application/ports/revocation-log.ts'
import type { FeedPosition, RevocationFeed } from '../../application/revocations/revocation-feed.ts'
import type { DomainEvent } from '../../domain/event.ts'
import { DURATION_BUCKETS } from './buckets.ts'

/** More ends than this on their way at once are not timed. */
const TIMED_AT_MOST = 10_000

export interface ObservedStream {
  readonly readerCount: number
  readonly droppedCount: number
}

/** Watches this instance's copy of the revocation log, and how soon an end is told to its readers. */
export class FeedMetrics {
  readonly #meter: Meter
  readonly #delivery: Histogram
  readonly #read: Counter
  readonly #delivered: Counter
  readonly #elapsedMs: () => number
  /** When the latest reading that reached the end of the log began. */
  #readAtMs: number
  /** When this instance learned of the commit, by session. */
  readonly #endedAtMs = new Map<string, number>()
  #stream: ObservedStream = { readerCount: 0, droppedCount: 0 }

  /** `elapsedMs` is monotonic. */
  constructor(meter: Meter, elapsedMs = () => performance.now()) {
    this.#meter = meter
    this.#elapsedMs = elapsedMs
    this.#readAtMs = elapsedMs()
    this.#delivery = meter.createHistogram('chat_auth_feed_delivery_seconds', {
      description: 'From the commit of an end on this instance until its readers were told',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    })
    this.#read = meter.createCounter('chat_auth_feed_revocations', {
      description: 'Revocations read from the log',
    })
    this.#delivered = meter.createCounter('chat_auth_feed_revocations_delivered', {
      description: 'Revocations written to readers, counted once for each reader',
    })
    this.#read.add(0)
    this.#delivered.add(0)
    meter
      .createObservableGauge('chat_auth_feed_staleness_seconds', {
        description: 'Since the revocation log was last read to its end',
      })
      .addCallback((result) => result.observe(this.stalenessSeconds()))
  }

  /** For how long the log has not been read to its end. */
  stalenessSeconds(): number {
    return (this.#elapsedMs() - this.#readAtMs) / 1_000
  }

  observeFeed(feed: RevocationFeed): RevocationFeed {
    return {
      ...feed,
      catchUp: () => this.#timed(() => feed.catchUp()),
      listen: (listener) =>
        feed.listen({
          restarted: () => listener.restarted(),
          revoked: (revocations) => {
            listener.revoked(revocations)
            this.#note(revocations)
          },
        }),
    }
  }

  observeStream(stream: ObservedStream): void {
    this.#stream = stream
    this.#meter
      .createObservableGauge('chat_auth_feed_readers', { description: 'Open streams' })
      .addCallback((result) => result.observe(this.#stream.readerCount))
    this.#meter
      .createObservableCounter('chat_auth_feed_slow_readers_dropped', {
        description: 'Readers that were dropped since they took too little',
      })
      .addCallback((result) => result.observe(this.#stream.droppedCount))
  }

  /** To be called with what is durable, before the feed is woken. */
  readonly committed = (events: readonly DomainEvent[]): void => {
    for (const { type, data } of events) {
      // What ran out by itself is not told to anybody.
      if (type === 'session.ended' && data.reason !== 'expired') this.#expect(data.session_id)
    }
  }

  #expect(sessionId: string): void {
    const [oldest] = this.#endedAtMs.keys()
    // Some never come, such as sessions whose tokens have all run out.
    if (oldest !== undefined && this.#endedAtMs.size >= TIMED_AT_MOST) this.#endedAtMs.delete(oldest)
    this.#endedAtMs.set(sessionId, this.#elapsedMs())
  }

  async #timed(catchUp: () => Promise<FeedPosition>): Promise<FeedPosition> {
    const began = this.#elapsedMs()
    const position = await catchUp()
    this.#readAtMs = Math.max(this.#readAtMs, began)
    return position
  }

  #note(revocations: readonly LoggedRevocation[]): void {
    this.#read.add(revocations.length)
    this.#delivered.add(revocations.length * this.#stream.readerCount)
    for (const { sessionId } of revocations) {
      const ended = this.#endedAtMs.get(sessionId)
      if (ended === undefined) continue
      this.#endedAtMs.delete(sessionId)
      this.#delivery.record((this.#elapsedMs() - ended) / 1_000)
    }
  }
}

import type { Counter, Histogram, Meter } from '@opentelemetry/api'
import type { LoggedRevocation } from '../../application/ports/revocation-log.ts'
import type { FeedPosition, RevocationFeed } from '../../application/revocations/revocation-feed.ts'
import type { DomainEvent } from '../../domain/event.ts'
import { DURATION_BUCKETS } from './buckets.ts'

/** Bounds the memory for ends that are waiting to be delivered. */
const MAXIMUM_TIMED_ENDS = 10_000

export interface ObservedStream {
  readonly readerCount: number
  readonly droppedCount: number
}

/** Measures the age of this instance's copy of the revocation log, and how soon its readers learn of an ended session. */
export class FeedMetrics {
  readonly #meter: Meter
  readonly #deliverySeconds: Histogram
  readonly #reads: Counter
  readonly #deliveries: Counter
  readonly #logChanges: Counter
  readonly #elapsedMs: () => number
  /** When the latest read that reached the end of the log began. */
  #readAtMs: number
  /** When this instance learned of the commit, by session id. */
  readonly #endedAtMs = new Map<string, number>()
  #stream: ObservedStream = { readerCount: 0, droppedCount: 0 }

  /** `elapsedMs` must be monotonic. */
  constructor(meter: Meter, elapsedMs = () => performance.now()) {
    this.#meter = meter
    this.#elapsedMs = elapsedMs
    this.#readAtMs = elapsedMs()
    this.#deliverySeconds = meter.createHistogram('chat_auth_feed_delivery_seconds', {
      description: 'From the commit of a session end on this instance until it was written to its readers',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    })
    this.#reads = meter.createCounter('chat_auth_feed_revocations', {
      description: 'Revocations read from the log',
    })
    this.#deliveries = meter.createCounter('chat_auth_feed_revocations_delivered', {
      description: 'Revocations written to readers, counted once for each reader',
    })
    this.#logChanges = meter.createCounter('chat_auth_feed_log_changes', {
      description:
        'How often the revocation log had another identity: a restore, a failover or a log that was set back',
    })
    this.#reads.add(0)
    this.#deliveries.add(0)
    this.#logChanges.add(0)
    meter
      .createObservableGauge('chat_auth_feed_staleness_seconds', {
        description: 'Time since the revocation log was last read to its end',
      })
      .addCallback((result) => result.observe(this.stalenessSeconds()))
  }

  /** Time since the log was last read to its end. */
  stalenessSeconds(): number {
    return (this.#elapsedMs() - this.#readAtMs) / 1_000
  }

  observeFeed(feed: RevocationFeed): RevocationFeed {
    return {
      ...feed,
      catchUp: () => this.#timeCatchUp(() => feed.catchUp()),
      listen: (listener) =>
        feed.listen({
          restarted: (cause) => {
            if (cause === 'log_changed') this.#logChanges.add(1)
            listener.restarted(cause)
          },
          revoked: async (revocations) => {
            await listener.revoked(revocations)
            this.#delivered(revocations)
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
        description: 'Readers that were disconnected because they read too slowly',
      })
      .addCallback((result) => result.observe(this.#stream.droppedCount))
  }

  /** Call it with committed events, before they wake the feed. */
  readonly committed = (events: readonly DomainEvent[]): void => {
    for (const { type, data } of events) {
      // Expired sessions are not in the revocation log.
      if (type === 'session.ended' && data.reason !== 'expired') this.#startTiming(data.session_id)
    }
  }

  #startTiming(sessionId: string): void {
    const [oldest] = this.#endedAtMs.keys()
    // Some ends never arrive, such as those of sessions whose tokens have all expired.
    if (oldest !== undefined && this.#endedAtMs.size >= MAXIMUM_TIMED_ENDS) this.#endedAtMs.delete(oldest)
    this.#endedAtMs.set(sessionId, this.#elapsedMs())
  }

  async #timeCatchUp(catchUp: () => Promise<FeedPosition>): Promise<FeedPosition> {
    const began = this.#elapsedMs()
    const position = await catchUp()
    this.#readAtMs = Math.max(this.#readAtMs, began)
    return position
  }

  #delivered(revocations: readonly LoggedRevocation[]): void {
    this.#reads.add(revocations.length)
    this.#deliveries.add(revocations.length * this.#stream.readerCount)
    for (const { sessionId } of revocations) {
      const ended = this.#endedAtMs.get(sessionId)
      if (ended === undefined) continue
      this.#endedAtMs.delete(sessionId)
      this.#deliverySeconds.record((this.#elapsedMs() - ended) / 1_000)
    }
  }
}

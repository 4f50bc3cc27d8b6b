import { jittered, type Clock } from '../clock.ts'
import { reasonOf } from '../service/json-requests.ts'
import type { StreamEvent } from './event-stream.ts'
import { openFeed, type FeedEnd } from './feed-connection.ts'
import { FeedBroken, readFeedEvent } from './feed-events.ts'
import type { FeedState } from './feed-state.ts'
import type { ServiceTime } from './service-time.ts'

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 2_000
const REFUSED_DELAY_MS = 5_000

interface FeedReaderDeps {
  readonly url: URL
  readonly serviceKey: string
  readonly maxStalenessMs: number
  readonly clock: Clock
  readonly state: FeedState
  readonly time: ServiceTime
  /** Called after each applied event. */
  readonly onProgress: () => void
  readonly onError: (error: Error) => void
  /** The service accepted a connection, or refused it because of a wrong setting. */
  readonly onAccepted: () => void
  readonly onRefused: (error: Error) => void
}

/** Follows the revocation feed until it is closed, and reconnects whenever a connection ends. */
export class FeedReader {
  readonly #deps: FeedReaderDeps
  readonly #maxDelayMs: number
  #abort: ((reason: Error) => void) | undefined
  #cancelTimer = (): void => undefined
  #isOpen = false
  #isClosed = false
  #attempts = 0
  #connections = 0
  #openedAt = 0
  /** The id of the last event in order, from which the service can go on; undefined to request a snapshot. */
  #lastEventId: string | undefined
  #isCaughtUp = false
  #behindSince: number | undefined

  constructor(deps: FeedReaderDeps) {
    this.#deps = deps
    // At most half of maxStalenessMs, so that the verifier reconnects before it is stale.
    this.#maxDelayMs = Math.min(MAX_DELAY_MS, deps.maxStalenessMs / 2)
  }

  get connected(): boolean {
    return this.#isOpen
  }

  get reconnects(): number {
    return Math.max(0, this.#connections - 1)
  }

  open(): void {
    if (this.#isClosed) return
    const { url, serviceKey, maxStalenessMs, clock, time } = this.#deps
    this.#connections += 1
    this.#openedAt = clock.monotonicMs()
    this.#isCaughtUp = false
    this.#behindSince = undefined
    const feed = { url, serviceKey, lastEventId: this.#lastEventId, maxStalenessMs }
    this.#abort = openFeed(feed, clock, {
      onSend: (sentAt) => time.beginConnection(sentAt),
      onOpen: () => {
        this.#isOpen = true
        this.#deps.onAccepted()
      },
      onEvent: (...event) => this.#onEvent(...event),
      onEnd: (end) => this.#onEnd(end),
    })
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
    this.#abort?.(new Error('closed'))
  }

  #onEvent(streamed: StreamEvent, arrivedAt: number, id: string | undefined): void {
    const { state, time, maxStalenessMs, onProgress } = this.#deps
    const event = readFeedEvent(streamed)
    if (event === undefined) return
    const outcome = state.apply(event, arrivedAt)
    if (outcome === 'gap') throw new FeedBroken('the feed has a gap')
    onProgress()
    // A part of a snapshot proves nothing yet.
    if (event.type === 'revocations') return
    if (event.seq === state.seq) this.#lastEventId = id
    if (outcome === 'measure_again') throw new Error('the feed is delayed, or a clock was changed')
    if (time.stalenessMs(arrivedAt) <= maxStalenessMs) {
      this.#behindSince = undefined
      this.#isCaughtUp = true
      return
    }
    this.#behindSince ??= arrivedAt
    // Events arrive, but none proves that everything is known: the seq must be wrong.
    if (arrivedAt - this.#behindSince > maxStalenessMs) throw new FeedBroken('the feed does not catch up')
  }

  #onEnd({ kind, error, retryMs }: FeedEnd): void {
    const { clock } = this.#deps
    this.#abort = undefined
    this.#isOpen = false
    if (this.#isClosed) return
    if (error instanceof FeedBroken) this.#lastEventId = undefined
    // A service that accepts connections and ends them immediately keeps the long delay.
    if (clock.monotonicMs() - this.#openedAt > MAX_DELAY_MS) this.#attempts = 0
    // An orderly end, as in a rolling restart, is not an error.
    if (kind !== 'orderly' || !this.#isCaughtUp) {
      const lost = new Error(`The revocation feed was lost: ${reasonOf(error)}`)
      this.#deps.onError(lost)
      if (kind === 'refused') this.#deps.onRefused(lost)
    }
    this.#cancelTimer = clock.after(jittered(this.#delayAfter(kind, retryMs), clock), () => this.open())
    this.#attempts += 1
  }

  #delayAfter(kind: FeedEnd['kind'], retryMs: number | undefined): number {
    if (kind === 'refused') return REFUSED_DELAY_MS
    if (kind === 'orderly' && retryMs !== undefined) return Math.min(retryMs, this.#maxDelayMs)
    return Math.min(this.#maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(this.#attempts, 10))
  }
}

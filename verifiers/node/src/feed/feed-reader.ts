import { jittered, type Clock } from './clock.ts'
import type { StreamEvent } from './event-stream.ts'
import { FeedBroken, readFeedEvent } from './feed-events.ts'
import { openFeed, type FeedEnd } from './feed-connection.ts'
import type { FeedState } from './feed-state.ts'
import { reasonOf } from './json-requests.ts'
import type { ServiceTime } from './service-time.ts'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 2_000
const REFUSED_DELAY_MS = 5_000

interface FeedDeps {
  readonly url: URL
  readonly serviceKey: string
  readonly maxStalenessMs: number
  readonly clock: Clock
  readonly state: FeedState
  readonly time: ServiceTime
  /** Something of the feed has been taken in. */
  readonly onProgress: () => void
  readonly onError: (error: Error) => void
}

/** Follows the feed of ended sessions for as long as the verifier lives, over as many connections as that takes. */
export class Feed {
  readonly #deps: FeedDeps
  readonly #longestDelayMs: number
  #giveUp: ((why: Error) => void) | undefined
  #cancelTimer = (): void => undefined
  #isOpen = false
  #isClosed = false
  #attempts = 0
  #connections = 0
  #openedAt = 0
  #wantsSnapshot = true
  #isGood = false
  #behindSince: number | undefined

  constructor(deps: FeedDeps) {
    this.#deps = deps
    // Half: a reader whose connection was cut is back before it is stale.
    this.#longestDelayMs = Math.min(LONGEST_DELAY_MS, deps.maxStalenessMs / 2)
  }

  get connected(): boolean {
    return this.#isOpen
  }

  get reconnects(): number {
    return Math.max(0, this.#connections - 1)
  }

  open(): void {
    if (this.#isClosed) return
    const { url, serviceKey, maxStalenessMs, clock, state, time } = this.#deps
    this.#connections += 1
    this.#openedAt = clock.monotonicMs()
    this.#isGood = false
    this.#behindSince = undefined
    const after = this.#wantsSnapshot ? undefined : state.position
    this.#giveUp = openFeed({ url, serviceKey, after, maxStalenessMs }, clock, {
      onSend: (sentAt) => time.beginConnection(sentAt),
      onOpen: () => (this.#isOpen = true),
      onEvent: (event, arrivedAt) => this.#onEvent(event, arrivedAt),
      onEnd: (end) => this.#onEnd(end),
    })
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
    this.#giveUp?.(new Error('closed'))
  }

  #onEvent(streamed: StreamEvent, arrivedAt: number): void {
    const { state, time, maxStalenessMs, onProgress } = this.#deps
    const event = readFeedEvent(streamed)
    if (event === undefined) return
    const outcome = state.apply(event, arrivedAt)
    if (outcome === 'gap') throw new FeedBroken('the feed has a gap')
    if (event.type === 'snapshot') this.#wantsSnapshot = false
    onProgress()
    if (outcome === 'measure_again') throw new Error('the feed is late, or a clock was set')
    if (time.stalenessMs(arrivedAt) <= maxStalenessMs) {
      this.#behindSince = undefined
      this.#isGood = true
      return
    }
    this.#behindSince ??= arrivedAt
    // Events come, yet none says that everything is known: the place in the log must be wrong.
    if (arrivedAt - this.#behindSince > maxStalenessMs) throw new FeedBroken('the feed does not catch up')
  }

  #onEnd({ kind, error, retryMs }: FeedEnd): void {
    const { clock } = this.#deps
    this.#giveUp = undefined
    this.#isOpen = false
    if (this.#isClosed) return
    if (error instanceof FeedBroken) this.#wantsSnapshot = true
    // A service that takes us in and lets us go at once is not to be asked ten times a second.
    if (clock.monotonicMs() - this.#openedAt > LONGEST_DELAY_MS) this.#attempts = 0
    // An instance that goes away in order is no trouble.
    if (kind !== 'orderly' || !this.#isGood) {
      this.#deps.onError(new Error(`The feed of ended sessions is cut: ${reasonOf(error)}`))
    }
    this.#cancelTimer = clock.after(jittered(this.#delayAfter(kind, retryMs), clock), () => this.open())
    this.#attempts += 1
  }

  #delayAfter(kind: FeedEnd['kind'], retryMs: number | undefined): number {
    if (kind === 'refused') return REFUSED_DELAY_MS
    if (kind === 'orderly' && retryMs !== undefined) return Math.min(retryMs, this.#longestDelayMs)
    return Math.min(this.#longestDelayMs, FIRST_DELAY_MS * 2 ** Math.min(this.#attempts, 10))
  }
}

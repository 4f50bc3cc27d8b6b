import { afterSilence, type Clock } from './clock.ts'
import type { Listeners } from './listeners.ts'
import type { ServiceTime } from './service-time.ts'

interface FreshnessDeps {
  readonly clock: Clock
  readonly time: ServiceTime
  readonly maxStalenessMs: number
  readonly hasKeys: () => boolean
  readonly onStale: Listeners<[]>
}

/** Whether what is known of ended sessions may be relied on, and the moment when it no longer may. */
export class Freshness {
  readonly #deps: FreshnessDeps
  readonly #waiting = new Set<() => void>()
  #wasFresh = false
  #cancelTimer: (() => void) | undefined

  constructor(deps: FreshnessDeps) {
    this.#deps = deps
  }

  isFresh(monotonicMs: number): boolean {
    const { time, maxStalenessMs, hasKeys } = this.#deps
    return time.stalenessMs(monotonicMs) <= maxStalenessMs && hasKeys()
  }

  /** Something came from the service: keys, or an event of the feed. */
  update(): void {
    if (!this.isFresh(this.#deps.clock.monotonicMs())) return
    this.#wasFresh = true
    if (this.#cancelTimer === undefined) this.#watch()
    for (const settle of this.#waiting) settle()
    this.#waiting.clear()
  }

  /** Calls `settle` once, as soon as there is freshness; answers how to stop waiting. */
  whenFresh(settle: () => void): () => void {
    this.#waiting.add(settle)
    this.update()
    return () => void this.#waiting.delete(settle)
  }

  close(): void {
    this.#cancelTimer?.()
    this.#waiting.clear()
  }

  #watch(): void {
    const { clock, time, maxStalenessMs } = this.#deps
    const delay = Math.max(0, maxStalenessMs - time.stalenessMs(clock.monotonicMs())) + 1
    this.#cancelTimer = afterSilence(clock, delay, () => this.#look())
  }

  #look(): void {
    this.#cancelTimer = undefined
    if (this.isFresh(this.#deps.clock.monotonicMs())) this.#watch()
    else if (this.#wasFresh) {
      this.#wasFresh = false
      this.#deps.onStale.tell()
    }
  }
}

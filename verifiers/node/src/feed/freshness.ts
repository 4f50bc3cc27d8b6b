import { afterSilence, type Clock } from '../clock.ts'
import type { ServiceTime } from './service-time.ts'
import type { Subscribers } from './subscribers.ts'

interface FreshnessDeps {
  readonly clock: Clock
  readonly time: ServiceTime
  readonly maxStalenessMs: number
  readonly hasKeys: () => boolean
  readonly onStale: Subscribers<[]>
}

/** Whether knowledge of ended sessions is recent enough to rely on. Notifies `onStale` when it no longer is. */
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

  /** To be called after keys or a feed event arrived. */
  update(): void {
    if (!this.isFresh(this.#deps.clock.monotonicMs())) return
    this.#wasFresh = true
    if (this.#cancelTimer === undefined) this.#scheduleCheck()
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** Calls `resolve` once, as soon as knowledge is fresh. Returns a function that stops waiting. */
  whenFresh(resolve: () => void): () => void {
    this.#waiting.add(resolve)
    this.update()
    return () => void this.#waiting.delete(resolve)
  }

  close(): void {
    this.#cancelTimer?.()
    this.#waiting.clear()
  }

  #scheduleCheck(): void {
    const { clock, time, maxStalenessMs } = this.#deps
    const delay = Math.max(0, maxStalenessMs - time.stalenessMs(clock.monotonicMs())) + 1
    this.#cancelTimer = afterSilence(clock, delay, () => this.#check())
  }

  #check(): void {
    this.#cancelTimer = undefined
    if (this.isFresh(this.#deps.clock.monotonicMs())) this.#scheduleCheck()
    else if (this.#wasFresh) {
      this.#wasFresh = false
      this.#deps.onStale.notify()
    }
  }
}

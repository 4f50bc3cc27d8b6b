/** A clock that jumped, or a stream held up: what was measured on this connection is not to be trusted. */
export type Measurement = 'good' | 'measure_again'

/**
 * The service's time on a monotonic clock of our own, and the age of what we know. Our wall clock has no say.
 *
 * Let θ be "our clock minus the service's". A request sent at `s` is answered with a `server_time` `t0` read later,
 * so θ >= s - t0, the `base`. What was complete at the service at time `t` was so at `base + t` on our clock, or
 * later: knowledge is never taken for younger than it is, however long a network holds the stream up.
 */
export class ServiceTime {
  readonly #maxStalenessMs: number
  #sentAt = 0
  #measuring = true
  #base: number | undefined
  #completeAt = -Infinity

  constructor(maxStalenessMs: number) {
    this.#maxStalenessMs = maxStalenessMs
  }

  /** Another connection, perhaps to another instance with another clock. `sentAt`: before its request left. */
  beginConnection(sentAt: number): void {
    this.#sentAt = sentAt
    this.#measuring = true
  }

  /** Takes a `server_time` (epoch milliseconds) that arrived at `arrivedAt` on the connection begun last. */
  observe(serverTimeMs: number, arrivedAt: number): Measurement {
    if (this.#measuring || this.#base === undefined) {
      this.#measuring = false
      this.#base = this.#sentAt - serverTimeMs
      return 'good'
    }
    // θ <= arrival - server_time, always. If that is below the base, one of the clocks runs faster or has jumped.
    const most = arrivedAt - serverTimeMs
    const off = Math.abs(this.#base - most)
    if (off > this.#maxStalenessMs / 2) return 'measure_again'
    this.#base = Math.min(this.#base, most)
    return 'good'
  }

  /** Everything that ended before `serverTimeMs`, observed already, is known. */
  completeUpTo(serverTimeMs: number, arrivedAt: number): void {
    if (this.#base === undefined) return
    this.#completeAt = Math.max(this.#completeAt, Math.min(arrivedAt, this.#base + serverTimeMs))
  }

  /** How old the knowledge may be at most; infinite before there is any. */
  stalenessMs(monotonicMs: number): number {
    return monotonicMs - this.#completeAt
  }

  /** Epoch milliseconds, never behind the service but at most by what a request takes; undefined before the first answer. */
  now(monotonicMs: number): number | undefined {
    return this.#base === undefined ? undefined : monotonicMs - this.#base
  }
}

/** `measure_again`: a clock jumped or the stream was delayed, so times measured on this connection are unreliable. */
export type Measurement = 'good' | 'measure_again'

/**
 * The service's time on the local monotonic clock, and the age of what is known. The local wall clock is not used.
 *
 * Let θ be "local clock minus service clock". The response to a request sent at `s` carries a `server_time` `t0` that was
 * read later, so θ >= s - t0, the `base`. Knowledge that was complete at service time `t` was complete at `base + t` on
 * the local clock, or later. So its age is never underestimated, however long a network delays the stream.
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

  /** Starts measuring anew: another instance may have another clock. `sentAt` is a time before the request was sent. */
  beginConnection(sentAt: number): void {
    this.#sentAt = sentAt
    this.#measuring = true
  }

  /** Takes a `server_time` (epoch milliseconds) that arrived at `arrivedAt` on the current connection. */
  observe(serverTimeMs: number, arrivedAt: number): Measurement {
    if (this.#measuring || this.#base === undefined) {
      this.#measuring = false
      this.#base = this.#sentAt - serverTimeMs
      return 'good'
    }
    // θ <= arrival - server_time always holds. If that is below the base, one of the clocks runs faster or has jumped.
    const upperBound = arrivedAt - serverTimeMs
    const difference = Math.abs(this.#base - upperBound)
    if (difference > this.#maxStalenessMs / 2) return 'measure_again'
    this.#base = Math.min(this.#base, upperBound)
    return 'good'
  }

  /** Records that every session end before `serverTimeMs`, which was observed before, is known. */
  completeUpTo(serverTimeMs: number, arrivedAt: number): void {
    if (this.#base === undefined) return
    this.#completeAt = Math.max(this.#completeAt, Math.min(arrivedAt, this.#base + serverTimeMs))
  }

  /** Upper bound of the age of what is known, in milliseconds; infinite before the first snapshot. */
  stalenessMs(monotonicMs: number): number {
    return monotonicMs - this.#completeAt
  }

  /** Epoch milliseconds, ahead of the service by at most one round trip, never behind; undefined before the first event. */
  now(monotonicMs: number): number | undefined {
    return this.#base === undefined ? undefined : monotonicMs - this.#base
  }
}

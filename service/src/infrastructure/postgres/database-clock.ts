import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from './database.ts'
import { readDatabaseTime } from './database-time.ts'

/** A response that took longer is not precise enough: it may be off by half of that. */
const SLOW_MS = 500

/**
 * The database's time, continued by this process's own monotonic clock: instances agree on windows and limits, and a step
 * of the machine's wall clock changes nothing.
 */
export class DatabaseClock implements Clock {
  readonly #db: Database
  readonly #elapsedMs: () => number
  /** The database's time when `elapsedMs` was zero; unknown before the first comparison. */
  #originMs: number | undefined

  /** `elapsedMs` counts from any moment, and is never set back. */
  constructor(db: Database, elapsedMs = () => performance.now()) {
    this.#db = db
    this.#elapsedMs = elapsedMs
  }

  now(): Date {
    return new Date(Math.round((this.#originMs ?? performance.timeOrigin) + this.#elapsedMs()))
  }

  /**
   * Compares the clocks. Run it at the start and every minute. The result is off by at most half a round trip to the
   * database. A slow response counts only until the first fast one. A time that cannot be right never counts.
   */
  async synchronise(): Promise<void> {
    const sent = this.#elapsedMs()
    const theirs = await readDatabaseTime(this.#db)
    const received = this.#elapsedMs()
    if (received - sent > SLOW_MS && this.#originMs !== undefined) return
    this.#originMs = theirs - (sent + received) / 2
  }
}

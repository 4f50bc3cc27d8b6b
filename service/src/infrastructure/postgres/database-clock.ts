import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from './database.ts'

/** An answer that took longer says too little: it is off by up to half of that. */
const SLOW_MS = 500

/**
 * The database's time, carried on by this process's own monotonic clock: instances agree on windows and limits, and a
 * step of the machine's wall clock changes nothing.
 */
export class DatabaseClock implements Clock {
  readonly #db: Database
  readonly #elapsedMs: () => number
  /** The database's time when `elapsedMs` was zero; unknown before the first comparison. */
  #originMs: number | undefined

  /** `elapsedMs` counts from any moment on and is never set. */
  constructor(db: Database, elapsedMs = () => performance.now()) {
    this.#db = db
    this.#elapsedMs = elapsedMs
  }

  now(): Date {
    return new Date(Math.round((this.#originMs ?? performance.timeOrigin) + this.#elapsedMs()))
  }

  /**
   * Compares the clocks; to be run at the start and every minute. Off by half the way to the database and back at most.
   * A slow answer counts only as long as there was no other.
   */
  async synchronise(): Promise<void> {
    const sent = this.#elapsedMs()
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(this.#db)
    const received = this.#elapsedMs()
    const theirs = rows[0]?.now
    if (theirs === undefined) return
    if (received - sent > SLOW_MS && this.#originMs !== undefined) return
    this.#originMs = +theirs - (sent + received) / 2
  }
}

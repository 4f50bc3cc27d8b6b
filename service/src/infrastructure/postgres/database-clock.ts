import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from './database.ts'

/**
 * The database's time, kept on this machine's clock: instances whose clocks disagree still agree on windows and limits.
 */
export class DatabaseClock implements Clock {
  readonly #db: Database
  #offsetMs = 0

  constructor(db: Database) {
    this.#db = db
  }

  now(): Date {
    return new Date(Date.now() + this.#offsetMs)
  }

  /** Compares the clocks; to be run at the start and every minute. Off by half the way to the database at most. */
  async synchronise(): Promise<void> {
    const sent = Date.now()
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(this.#db)
    const received = Date.now()
    const theirs = rows[0]?.now
    if (theirs !== undefined) this.#offsetMs = Math.round(+theirs - (sent + received) / 2)
  }
}

import { TestClock } from '../support/test-clock.ts'

/** Moves only when a test advances it, so that a test can hit an exact moment. */
export class StillClock extends TestClock {
  #now = Date.now()

  override now(): Date {
    return new Date(this.#now)
  }

  get milliseconds(): number {
    return this.#now
  }

  advanceMs(milliseconds: number): void {
    this.#now += milliseconds
  }
}

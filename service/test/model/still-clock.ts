import { TestClock } from '../support/test-clock.ts'

/** Moves only when it is told to, so that a moment can be met exactly. */
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

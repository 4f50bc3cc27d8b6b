import type { Clock } from '../../src/application/ports/clock.ts'

/** Runs with the real clock, and ahead of it by as much as the test has advanced it. */
export class TestClock implements Clock {
  #aheadMs = 0

  now(): Date {
    return new Date(Date.now() + this.#aheadMs)
  }

  advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Partial<Record<TimeUnit, number>>): void {
    this.#aheadMs += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
  }
}

type TimeUnit = 'days' | 'hours' | 'minutes' | 'seconds'

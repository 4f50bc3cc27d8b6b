import type { Clock } from '../../src/application/ports/clock.ts'

/** The real clock plus the time by which the test has advanced it. */
export class TestClock implements Clock {
  #aheadMs = 0
  #stoppedAt: number | undefined

  now(): Date {
    return new Date((this.#stoppedAt ?? Date.now()) + this.#aheadMs)
  }

  /** Only `advance` moves the clock from now on, so that a slow machine cannot affect rules about a few seconds. */
  stop(): void {
    this.#stoppedAt ??= Date.now()
  }

  advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Partial<Record<TimeUnit, number>>): void {
    this.#aheadMs += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
  }
}

type TimeUnit = 'days' | 'hours' | 'minutes' | 'seconds'

import type { Clock } from '../../src/application/ports/clock.ts'

/** Runs with the real clock, and ahead of it by as much as the test has advanced it. */
export class TestClock implements Clock {
  #aheadMs = 0
  #stoppedAt: number | undefined

  now(): Date {
    return new Date((this.#stoppedAt ?? Date.now()) + this.#aheadMs)
  }

  /** From now on only `advance` moves it: for rules about waits of seconds, which a slow machine would sit out. */
  stop(): void {
    this.#stoppedAt ??= Date.now()
  }

  advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Partial<Record<TimeUnit, number>>): void {
    this.#aheadMs += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
  }
}

type TimeUnit = 'days' | 'hours' | 'minutes' | 'seconds'

import type { Clock } from '../../src/clock.ts'

interface Timer {
  readonly dueAt: number
  readonly action: () => void
}

/** Time that passes when a test says so. */
export class ManualClock implements Clock {
  wallOffsetMs = Date.UTC(2026, 10, 23, 22, 0, 0)
  chance = 0.999
  /** Every delay a timer was asked for, in order. */
  readonly asked: number[] = []
  #nowMs = 1_000
  #timers: Timer[] = []

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.wallOffsetMs + this.#nowMs
  }

  random(): number {
    return this.chance
  }

  after(ms: number, action: () => void): () => void {
    this.asked.push(ms)
    const timer = { dueAt: this.#nowMs + ms, action }
    this.#timers.push(timer)
    return () => (this.#timers = this.#timers.filter((other) => other !== timer))
  }

  /** Lets time pass; timers go off in their order, at their time. */
  pass(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      const due = this.#timers.filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#nowMs = Math.max(this.#nowMs, due.dueAt)
      due.action()
    }
    this.#nowMs = end
  }

  /** Time passes while the process is too busy to notice: timers stay where they are. */
  stall(ms: number): void {
    this.#nowMs += ms
  }
}

/** Waits, event by event, until something is so; the test's own limit bounds it. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

import { ApplicationError } from '../../application/errors.ts'

/** Told how long a task waited and ran, once it is over. */
export type SlotObserver = (waitedMs: number, ranMs: number) => void

interface Limits {
  /** Tasks that run at once. */
  readonly slots: number
  /** Tasks that may wait for a slot. */
  readonly queueLimit: number
  /** What a task that may not even wait is told. */
  readonly retryAfterSeconds: number
  readonly observe?: SlotObserver | undefined
}

/** Runs expensive tasks a few at a time, first come first served, and refuses those it could not get to soon. */
export class BoundedSlots {
  readonly #limits: Limits
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Answers as `task` does. Throws `overloaded` with `retryAfterSeconds`, at once, when the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    const came = performance.now()
    await this.#takeSlot()
    const began = performance.now()
    try {
      return await task()
    } finally {
      this.#passSlotOn()
      this.#limits.observe?.(began - came, performance.now() - began)
    }
  }

  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length }
  }

  /** Throws `overloaded` when `run` would now. */
  requireRoom(): void {
    const { queueLimit, retryAfterSeconds } = this.#limits
    if (this.#hasFreeSlot || this.#waiting.length < queueLimit) return
    throw new ApplicationError('overloaded', { retryAfterSeconds })
  }

  async #takeSlot(): Promise<void> {
    this.requireRoom()
    if (this.#hasFreeSlot) this.#running += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  get #hasFreeSlot(): boolean {
    return this.#running < this.#limits.slots
  }

  /** The slot goes to the longest waiting task without becoming free in between, so a newcomer cannot take it. */
  #passSlotOn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next()
  }
}

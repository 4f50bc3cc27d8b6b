import { ApplicationError } from '../../application/errors.ts'

/** Told how long a task waited and ran, once it is over. */
export type SlotObserver = (waitedMs: number, ranMs: number) => void

interface Limits {
  /** Tasks that run at once. */
  readonly slots: number
  /** Tasks that may wait for a slot. */
  readonly queueLimit: number
  /** How long it may wait; undefined: for as long as it takes. */
  readonly longestWaitMs?: number | undefined
  /** What a task is told that may not wait, or no longer. */
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

  /**
   * Answers as `task` does. Throws `overloaded` with `retryAfterSeconds`, at once when the queue is full, otherwise when its
   * turn does not come in time.
   */
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
    else await this.#waitForSlot()
  }

  #waitForSlot(): Promise<void> {
    const { longestWaitMs, retryAfterSeconds } = this.#limits
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1)
        reject(new ApplicationError('overloaded', { retryAfterSeconds }))
      }
      const timer = longestWaitMs === undefined ? undefined : setTimeout(giveUp, longestWaitMs)
      const begin = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#waiting.push(begin)
    })
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

import { ApplicationError } from '../../application/errors.ts'
import { FairQueue, type Share } from './fair-queue.ts'

/** Called when a task has ended, with the time it waited and the time it ran. */
export type SlotObserver = (waitedMs: number, ranMs: number) => void

interface Limits {
  /** Tasks that run at the same time. */
  readonly slots: number
  /** Tasks that may wait for a slot. */
  readonly queueLimit: number
  /** The longest wait for a slot. Undefined: no limit. */
  readonly longestWaitMs?: number | undefined
  /** The `retryAfterSeconds` of a refusal. */
  readonly retryAfterSeconds: number
  readonly observe?: SlotObserver | undefined
}

interface Waiting {
  readonly begin: () => void
  readonly refuse: () => void
}

/** The share of a task that has none of its own. */
const EVERYBODY: Share = []

/**
 * Runs a limited number of expensive tasks at a time. Shares take turns (FairQueue); inside a share, the order is that of
 * arrival. Refuses tasks that would wait too long.
 */
export class BoundedSlots {
  readonly #limits: Limits
  readonly #waiting: FairQueue<Waiting>
  #running = 0

  constructor(limits: Limits) {
    this.#limits = limits
    this.#waiting = new FairQueue(limits.queueLimit)
  }

  /**
   * Returns or throws what `task` does. Throws `overloaded` with `retryAfterSeconds`: immediately if the queue is full and
   * no larger share has to give way, later if a smaller share displaced it or no slot was free within `longestWaitMs`.
   */
  async run<T>(task: () => Promise<T>, share = EVERYBODY): Promise<T> {
    const came = performance.now()
    await this.#takeSlot(share)
    const began = performance.now()
    try {
      return await task()
    } finally {
      this.#passSlotOn()
      this.#limits.observe?.(began - came, performance.now() - began)
    }
  }

  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.size }
  }

  /**
   * Throws `overloaded` if `run` would refuse a task now. Takes no slot. Of several shares, any may be that of the task: it
   * throws if each would be refused, or one that has tasks waiting.
   */
  requireCapacity(shares: readonly Share[] = [EVERYBODY]): void {
    if (this.#hasFreeSlot) return
    const refused = shares.filter((share) => this.#waiting.refuses(share))
    const isRefused = refused.length === shares.length || refused.some((share) => this.#waiting.holds(share))
    if (isRefused) throw this.#refusal()
  }

  async #takeSlot(share: Share): Promise<void> {
    this.requireCapacity([share])
    if (this.#hasFreeSlot) this.#running += 1
    else await this.#waitForSlot(share)
  }

  #waitForSlot(share: Share): Promise<void> {
    const { longestWaitMs } = this.#limits
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.remove(entry)
        reject(this.#refusal())
      }
      const timer = longestWaitMs === undefined ? undefined : setTimeout(giveUp, longestWaitMs)
      const { entry, displaced } = this.#waiting.add(share, {
        begin: () => {
          clearTimeout(timer)
          resolve()
        },
        refuse: () => {
          clearTimeout(timer)
          reject(this.#refusal())
        },
      })
      displaced?.refuse()
    })
  }

  #refusal(): ApplicationError {
    return new ApplicationError('overloaded', { retryAfterSeconds: this.#limits.retryAfterSeconds })
  }

  get #hasFreeSlot(): boolean {
    return this.#running < this.#limits.slots
  }

  /** Hands the slot to the task whose turn it is. It is never free in between, so a new task cannot take it. */
  #passSlotOn(): void {
    const next = this.#waiting.take()
    if (next === undefined) this.#running -= 1
    else next.begin()
  }
}

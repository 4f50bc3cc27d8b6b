import { afterFailure, closedCircuit, isOpen, isPaused, type Circuit } from '../../domain/circuit.ts'
import { CLAIM_SECONDS, LONGEST_WAIT_SECONDS, nextAttempt } from '../../domain/delivery.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { ClaimedDelivery, Deliveries } from '../ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../ports/event-consumer.ts'

/** Of one consumer, at once, of each instance: what bounds the load on either side. */
const LANES = 8
const BATCH = 500

/** What operators are told while it happens. */
export type DeliveryNews =
  | { readonly kind: 'failed' | 'dead'; readonly delivery: ClaimedDelivery; readonly error: string }
  | { readonly kind: 'paused' | 'resumed'; readonly consumer: string }
  | { readonly kind: 'given-up'; readonly consumer: string; readonly count: number }
  | { readonly kind: 'interrupted'; readonly consumer: string; readonly cause: unknown }

export interface DeliverEventsDeps {
  readonly deliveries: Deliveries
  readonly clock: Clock
  /** A number from 0 to 1. */
  readonly chance: () => number
  readonly tell: (news: DeliveryNews) => void
}

/** Delivers to one consumer, apart from all others: each has lanes and a circuit of its own. */
export class Deliverer {
  readonly #deps: DeliverEventsDeps
  readonly #consumer: EventConsumer
  readonly #lanes = new Set<Promise<void>>()
  #circuit: Circuit = closedCircuit
  #isStopped = false

  constructor(deps: DeliverEventsDeps, consumer: EventConsumer) {
    this.#deps = deps
    this.#consumer = consumer
  }

  /** Something may be due: begins to deliver it, beside what is under way. Costs a look at the most. */
  wake(): void {
    if (this.#lanes.size >= LANES) return
    const lane = this.#runLane()
      .catch((cause: unknown) => this.#interrupted(cause))
      .finally(() => this.#lanes.delete(lane))
    this.#lanes.add(lane)
  }

  /** As `wake`; resolves when there is nothing left to do now. Never rejects. */
  async deliver(): Promise<void> {
    this.wake()
    await this.#untilIdle()
  }

  /** Takes nothing more; resolves when what is under way is done. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#untilIdle()
  }

  async #runLane(): Promise<void> {
    // In a turn of its own, so that it counts among the lanes when it looks.
    await Promise.resolve()
    for (let claimed = await this.#take(); claimed !== undefined; claimed = await this.#take()) {
      // There may be more, for others than this one.
      this.wake()
      await this.#attempt(claimed)
    }
  }

  /** The next delivery, unless enough is under way: while the circuit is open that is one, to see if the consumer is back. */
  async #take(): Promise<ClaimedDelivery | undefined> {
    const { clock, deliveries } = this.#deps
    const now = clock.now()
    const mayOne = !isOpen(this.#circuit) || this.#lanes.size === 1
    if (this.#isStopped || isPaused(this.#circuit, now) || !mayOne) return undefined
    const [claimed] = await deliveries.claim(this.#consumer.name, { now, limit: 1, seconds: CLAIM_SECONDS })
    return claimed
  }

  async #attempt(delivery: ClaimedDelivery): Promise<void> {
    const { clock, deliveries } = this.#deps
    try {
      await this.#consumer.receive(delivery.event, clock.now())
    } catch (error) {
      await this.#noteFailure(delivery, error)
      return
    }
    await deliveries.complete(delivery, clock.now())
    await this.#noteSuccess()
  }

  async #noteSuccess(): Promise<void> {
    const { clock, deliveries, tell } = this.#deps
    const wasOpen = isOpen(this.#circuit)
    this.#circuit = closedCircuit
    if (!wasOpen) return
    tell({ kind: 'resumed', consumer: this.#consumer.name })
    // Nobody waits out a pause that was meant for a consumer that is back.
    await untilNone(() => deliveries.hasten(this.#consumer.name, clock.now(), BATCH))
  }

  async #noteFailure(delivery: ClaimedDelivery, cause: unknown): Promise<void> {
    const { chance, clock, deliveries, tell } = this.#deps
    const now = clock.now()
    // Words that are not made for operators stay in the log.
    const error = cause instanceof DeliveryFailed ? cause.message : 'the delivery failed on our side'
    if (!(cause instanceof DeliveryFailed)) this.#interrupted(cause)
    const until = nextAttempt(delivery.attempts, now, chance())
    if (until === undefined) await deliveries.giveUp(delivery, { now, error })
    else await deliveries.postpone(delivery, { until, error })
    tell({ kind: until === undefined ? 'dead' : 'failed', delivery, error })
    const before = this.#circuit
    this.#circuit = afterFailure(before, delivery.event.userId, now, chance())
    if (!isOpen(this.#circuit) || this.#circuit === before) return
    if (!isOpen(before)) tell({ kind: 'paused', consumer: this.#consumer.name })
    await this.#giveUpOld(now)
  }

  /** While the consumer is away hardly anything is tried, so what waits for it would never run out of attempts. */
  async #giveUpOld(now: Date): Promise<void> {
    const { deliveries, tell } = this.#deps
    const consumer = this.#consumer.name
    const dispatchedBefore = secondsAfter(now, -LONGEST_WAIT_SECONDS)
    const options = { dispatchedBefore, now, error: 'the consumer was away for too long', limit: BATCH }
    const count = await untilNone(() => deliveries.giveUpOld(consumer, options))
    if (count > 0) tell({ kind: 'given-up', consumer, count })
  }

  async #untilIdle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes)
  }

  #interrupted(cause: unknown): void {
    this.#deps.tell({ kind: 'interrupted', consumer: this.#consumer.name, cause })
  }
}

async function untilNone(step: () => Promise<number>): Promise<number> {
  let total = 0
  let done: number
  do {
    done = await step()
    total += done
  } while (done > 0)
  return total
}

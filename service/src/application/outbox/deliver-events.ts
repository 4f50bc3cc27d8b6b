import {
  afterFailure,
  closedCircuit,
  isOpen,
  isPaused,
  withoutPause,
  type Circuit,
} from '../../domain/circuit-breaker.ts'
import { CLAIM_SECONDS, HASTENED_ATTEMPTS, LONGEST_WAIT_SECONDS, nextAttempt } from '../../domain/delivery.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { ClaimedDelivery, Deliveries } from '../ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../ports/event-consumer.ts'

/** Deliveries in flight per consumer and instance. Bounds the load on both sides. */
export const LANES = 8
const BATCH = 500

/** A change that operators see in the log and the metrics. */
export type DeliveryReport =
  | { readonly kind: 'failed' | 'dead'; readonly delivery: ClaimedDelivery; readonly error: string }
  | { readonly kind: 'paused' | 'resumed'; readonly consumer: string }
  | { readonly kind: 'given-up'; readonly consumer: string; readonly count: number }
  | { readonly kind: 'interrupted'; readonly consumer: string; readonly cause: unknown }

export interface DeliverEventsDeps {
  readonly deliveries: Deliveries
  readonly clock: Clock
  /** A number from 0 to 1. */
  readonly chance: () => number
  readonly report: (event: DeliveryReport) => void
}

/** Delivers to one consumer, apart from all others: each has lanes and a circuit of its own. */
export class Deliverer {
  readonly #deps: DeliverEventsDeps
  readonly #consumer: EventConsumer
  readonly #lanes = new Set<Promise<void>>()
  #circuit: Circuit = closedCircuit
  #isStopped = false
  #hastening = 0

  constructor(deps: DeliverEventsDeps, consumer: EventConsumer) {
    this.#deps = deps
    this.#consumer = consumer
  }

  /** Starts to deliver what is due, in addition to the deliveries in flight. Costs at most one query. */
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

  /**
   * The consumer asked about these users, so it is up: delivers what waits for them before all else. Resolves when nothing
   * is left to do now; immediately if nothing waits for them. Never rejects.
   */
  async hasten(userIds: readonly UserId[]): Promise<void> {
    // Anybody in the network may ask. Without a bound, a flood of look-ups would fill the queue for connections.
    if (this.#hastening >= LANES) return
    this.#hastening += 1
    const isAnyDue = await this.#makeDue(userIds)
      .catch((cause: unknown) => this.#interrupted(cause))
      .finally(() => (this.#hastening -= 1))
    if (isAnyDue !== true) return
    this.#circuit = withoutPause(this.#circuit)
    await this.deliver()
  }

  async #makeDue(userIds: readonly UserId[]): Promise<boolean> {
    const { clock, deliveries } = this.#deps
    const options = { userIds, now: clock.now(), attemptsAtMost: HASTENED_ATTEMPTS }
    return (await deliveries.hasten(this.#consumer.name, options)) > 0
  }

  /** Claims nothing more; resolves when the deliveries in flight are done. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#untilIdle()
  }

  async #runLane(): Promise<void> {
    // Continues in a later turn, when this lane is in the set: `#take` counts the lanes.
    await Promise.resolve()
    for (let claimed = await this.#take(); claimed !== undefined; claimed = await this.#take()) {
      // Deliveries of other users may be due.
      this.wake()
      await this.#attempt(claimed)
    }
  }

  /** The next delivery, unless enough are in flight. An open circuit allows one, to see whether the consumer is up again. */
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
      await this.#consumer.receive(delivery.event, clock.now(), delivery.attempts)
    } catch (error) {
      await this.#noteFailure(delivery, error)
      return
    }
    await deliveries.acknowledge(delivery, clock.now())
    await this.#noteSuccess()
  }

  async #noteSuccess(): Promise<void> {
    const { clock, deliveries, report } = this.#deps
    const wasOpen = isOpen(this.#circuit)
    this.#circuit = closedCircuit
    if (!wasOpen) return
    report({ kind: 'resumed', consumer: this.#consumer.name })
    // These deliveries were postponed because the consumer was down.
    await untilNone(() => deliveries.resumePostponed(this.#consumer.name, clock.now(), BATCH))
  }

  async #noteFailure(delivery: ClaimedDelivery, cause: unknown): Promise<void> {
    const { chance, clock, deliveries, report } = this.#deps
    const now = clock.now()
    // Only messages of `DeliveryFailed` are stored, since they are written for operators. Others go to the log.
    const error = cause instanceof DeliveryFailed ? cause.message : 'the delivery failed on our side'
    if (!(cause instanceof DeliveryFailed)) this.#interrupted(cause)
    const isPermanent = cause instanceof DeliveryFailed && cause.isPermanent
    const until = isPermanent ? undefined : nextAttempt(delivery.attempts, now, chance())
    if (until === undefined) await deliveries.moveToDeadLetters(delivery, { now, error })
    else await deliveries.postpone(delivery, { until, error })
    report({ kind: until === undefined ? 'dead' : 'failed', delivery, error })
    // The consumer is up: it has judged this one event.
    if (isPermanent) return this.#noteSuccess()
    // Not a success: that would make every postponed delivery due, and a stranger can cause such refusals without end.
    if (cause instanceof DeliveryFailed && cause.isOfThisEvent) return
    const before = this.#circuit
    this.#circuit = afterFailure(before, delivery.event.userId, now, chance())
    if (!isOpen(this.#circuit) || this.#circuit === before) return
    if (!isOpen(before)) report({ kind: 'paused', consumer: this.#consumer.name })
    await this.#moveOldToDeadLetters(now)
  }

  /**
   * While a consumer is down hardly any delivery is attempted, so the limit of attempts alone would keep them forever.
   */
  async #moveOldToDeadLetters(now: Date): Promise<void> {
    const { deliveries, report } = this.#deps
    const consumer = this.#consumer.name
    const dispatchedBefore = secondsAfter(now, -LONGEST_WAIT_SECONDS)
    const options = { dispatchedBefore, now, error: 'the consumer was down for too long', limit: BATCH }
    const count = await untilNone(() => deliveries.moveOldToDeadLetters(consumer, options))
    if (count > 0) report({ kind: 'given-up', consumer, count })
  }

  async #untilIdle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes)
  }

  #interrupted(cause: unknown): void {
    this.#deps.report({ kind: 'interrupted', consumer: this.#consumer.name, cause })
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

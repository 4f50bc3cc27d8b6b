import { DEAD_LETTER_RETENTION_SECONDS, LONGEST_WAIT_SECONDS } from '../../domain/delivery.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { shareRuns } from '../share-runs.ts'
import { Deliverer, type DeliverEventsDeps } from './deliver-events.ts'
import { dispatchEvents, type DispatchEventsDeps } from './dispatch-events.ts'

/** Dispatches and delivers the events that the use cases have written. */
export interface Outbox {
  /** Called after a commit: calls `advance` in the background. If that fails, the next regular call does the work. */
  readonly wake: () => void
  /** Dispatches what was committed and begins to deliver what is due. Waits for no consumer. */
  advance(): Promise<void>
  /** As `advance`, and resolves when nothing is left to do at the moment. */
  settle(): Promise<void>
  /** As `Deliverer.hasten`, for the consumer of this name. Without it in the settings, nothing happens. */
  hasten(consumer: string, userIds: readonly UserId[]): Promise<void>
  /** Removes up to `limit` rows that are no longer needed. Returns how many. */
  cleanUp(limit: number): Promise<number>
  /** Claims nothing more; resolves when the deliveries in flight are done. */
  stop(): Promise<void>
}

export function createOutbox(deps: DispatchEventsDeps & DeliverEventsDeps): Outbox {
  const { deliveries, consumers, clock } = deps
  const dispatch = shareRuns(dispatchEvents(deps))
  let lastDispatch: Promise<void> = Promise.resolve()
  const deliverers = consumers.map((consumer) => new Deliverer(deps, consumer))
  const delivererOf = new Map(consumers.map(({ name }, place) => [name, deliverers[place]]))

  async function advance(): Promise<void> {
    // Without consumers no event is wanted, and the clean-up removes them.
    if (consumers.length === 0) return
    lastDispatch = dispatch()
    await lastDispatch
    for (const deliverer of deliverers) deliverer.wake()
  }

  /** Deliveries that wait for a consumer that is not in the settings any more. */
  async function moveForgottenToDeadLetters(limit: number): Promise<number> {
    const now = clock.now()
    const dispatchedBefore = secondsAfter(now, -LONGEST_WAIT_SECONDS)
    const options = { dispatchedBefore, now, error: 'the consumer is in no settings', limit }
    const waiting = await deliveries.waitingConsumers()
    const forgotten = waiting.filter((name) => !consumers.some((consumer) => consumer.name === name))
    const counts = await Promise.all(forgotten.map((name) => deliveries.moveOldToDeadLetters(name, options)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  return {
    advance,
    wake: () => void advance().catch(() => undefined),
    settle: async () => {
      await advance()
      await Promise.all(deliverers.map((deliverer) => deliverer.deliver()))
    },
    hasten: async (consumer, userIds) => delivererOf.get(consumer)?.hasten(userIds),
    cleanUp: async (limit) => {
      if (consumers.length === 0) await dispatch()
      const moved = await moveForgottenToDeadLetters(limit)
      const deadBefore = secondsAfter(clock.now(), -DEAD_LETTER_RETENTION_SECONDS)
      return Math.max(moved, await deliveries.removeDead(deadBefore, limit))
    },
    stop: async () => {
      await lastDispatch.catch(() => undefined)
      await Promise.all(deliverers.map((deliverer) => deliverer.stop()))
    },
  }
}

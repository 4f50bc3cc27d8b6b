import { DEAD_LETTER_RETENTION_SECONDS, LONGEST_WAIT_SECONDS } from '../../domain/delivery.ts'
import { secondsAfter } from '../../domain/session.ts'
import { Deliverer, type DeliverEventsDeps } from './deliver-events.ts'
import { dispatchEvents, type DispatchEventsDeps } from './dispatch-events.ts'

/** What this instance does about events, besides the use cases that write them. */
export interface Outbox {
  /** Something was committed: it is on its way soon, in the background. A failure is left to the next regular call. */
  readonly wake: () => void
  /** Dispatches what was committed and begins to deliver what is due. Waits for no consumer. */
  advance(): Promise<void>
  /** As `advance`, and resolves when nothing is left to do at the moment. */
  settle(): Promise<void>
  /** Removes what nobody needs any more, up to `limit` rows of it. Answers how many. */
  cleanUp(limit: number): Promise<number>
  /** Takes nothing more; resolves when what is under way is done. */
  stop(): Promise<void>
}

export function createOutbox(deps: DispatchEventsDeps & DeliverEventsDeps): Outbox {
  const { deliveries, consumers, clock } = deps
  const dispatch = shared(dispatchEvents(deps))
  let lastDispatch: Promise<void> = Promise.resolve()
  const deliverers = consumers.map((consumer) => new Deliverer(deps, consumer))

  async function advance(): Promise<void> {
    // Without consumers it is enough that the clean-up removes what nobody wants.
    if (consumers.length === 0) return
    lastDispatch = dispatch()
    await lastDispatch
    for (const deliverer of deliverers) deliverer.wake()
  }

  /** What waits for a consumer that is in no settings any more. */
  async function giveUpForgotten(limit: number): Promise<number> {
    const now = clock.now()
    const dispatchedBefore = secondsAfter(now, -LONGEST_WAIT_SECONDS)
    const options = { dispatchedBefore, now, error: 'the consumer is in no settings', limit }
    const waiting = await deliveries.waitingConsumers()
    const forgotten = waiting.filter((name) => !consumers.some((consumer) => consumer.name === name))
    const counts = await Promise.all(forgotten.map((name) => deliveries.giveUpOld(name, options)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  return {
    advance,
    wake: () => void advance().catch(() => undefined),
    settle: async () => {
      await advance()
      await Promise.all(deliverers.map((deliverer) => deliverer.deliver()))
    },
    cleanUp: async (limit) => {
      if (consumers.length === 0) await dispatch()
      await giveUpForgotten(limit)
      return deliveries.removeDead(secondsAfter(clock.now(), -DEAD_LETTER_RETENTION_SECONDS), limit)
    },
    stop: async () => {
      await lastDispatch.catch(() => undefined)
      await Promise.all(deliverers.map((deliverer) => deliverer.stop()))
    },
  }
}

/** Calls that come while one is under way share the one after it, which sees what each of them means. */
function shared(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = (): Promise<void> => {
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return run()
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return run()
      })
    return next
  }
}

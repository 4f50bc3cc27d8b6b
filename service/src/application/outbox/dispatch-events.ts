import type { Clock } from '../ports/clock.ts'
import type { Deliveries } from '../ports/deliveries.ts'
import type { EventConsumer } from '../ports/event-consumer.ts'

const BATCH = 200

export interface DispatchEventsDeps {
  readonly deliveries: Deliveries
  readonly consumers: readonly EventConsumer[]
  readonly clock: Clock
}

/** Gives every event that was committed before the call to the consumers that want it. */
export const dispatchEvents =
  ({ deliveries, consumers, clock }: DispatchEventsDeps) =>
  async (): Promise<void> => {
    let taken: number
    do {
      taken = await deliveries.dispatch(
        (event) => consumers.filter((consumer) => consumer.wants(event)).map(({ name }) => name),
        { now: clock.now(), limit: BATCH },
      )
    } while (taken === BATCH)
  }

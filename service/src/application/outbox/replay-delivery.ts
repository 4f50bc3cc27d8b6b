import type { Actor } from '../../domain/actor.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Deliveries } from '../ports/deliveries.ts'

const BATCH = 500

export interface ReplayDeliveryDeps {
  readonly deliveries: Deliveries
  readonly clock: Clock
}

export const replayDeliveryErrors = ['delivery_not_found'] as const satisfies readonly ErrorCode[]

/** Makes a dead letter due again. A waiting delivery is left as it is. Throws `delivery_not_found`. */
export const replayDelivery =
  ({ deliveries, clock }: ReplayDeliveryDeps) =>
  async (by: Actor, id: number): Promise<void> => {
    if (!(await deliveries.replay(id, by, clock.now()))) throw new ApplicationError('delivery_not_found')
  }

/** Makes all dead letters of a consumer due again. Returns how many there were. */
export const replayDeliveries =
  ({ deliveries, clock }: ReplayDeliveryDeps) =>
  async (by: Actor, consumer: string): Promise<number> => {
    // A delivery that fails for good again meanwhile is not counted twice.
    const now = clock.now()
    let total = 0
    let replayed: number
    do {
      replayed = await deliveries.replayAll(consumer, { by, now, limit: BATCH })
      total += replayed
    } while (replayed === BATCH)
    return total
  }

import type { Actor } from '../../domain/actor.ts'
import { MESSAGING } from '../../domain/delivery.ts'
import type { UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Announced, Deliveries } from '../ports/deliveries.ts'
import type { EventConsumer } from '../ports/event-consumer.ts'

const BATCH = 500

export interface AnnounceUsersDeps {
  readonly deliveries: Deliveries
  readonly consumers: readonly Pick<EventConsumer, 'name'>[]
  readonly clock: Clock
}

export const announceUsersErrors = ['no_messaging'] as const satisfies readonly ErrorCode[]

/**
 * Sends the present name and picture of a batch of users to the messaging service: the users after `after`, except those
 * for whom a delivery waits anyway. Repeat it with `next` until that is undefined. Throws `no_messaging`.
 */
export const announceUsers =
  ({ deliveries, consumers, clock }: AnnounceUsersDeps) =>
  async (by: Actor, after: UserId | undefined): Promise<Announced> => {
    if (!consumers.some(({ name }) => name === MESSAGING)) throw new ApplicationError('no_messaging')
    return deliveries.announce(MESSAGING, { after, limit: BATCH, by, now: clock.now() })
  }

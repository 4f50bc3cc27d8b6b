import type { DeliveryState } from '../../domain/delivery.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { UserId } from '../../domain/user.ts'

/** An event as it was written. */
export type StoredEvent = DomainEvent & {
  /** The same at every attempt and for every consumer, so that those who know it already can tell. */
  readonly id: string
  /** Of the shape of its data. */
  readonly version: number
}

/** A delivery somebody works at, for as long as the claim lasts. */
export interface ClaimedDelivery {
  readonly id: number
  readonly consumer: string
  readonly event: StoredEvent
  /** This one included. */
  readonly attempts: number
  /** Whose it is; an adapter's own. */
  readonly claim: string
}

/** A delivery as operators see it: nothing of what the event says. */
export interface ListedDelivery {
  readonly id: number
  readonly consumer: string
  readonly state: DeliveryState
  readonly eventId: string
  readonly eventType: string
  readonly userId: UserId
  readonly occurredAt: Date
  readonly attempts: number
  readonly lastError: string | undefined
  /** When something for this person is tried next; undefined for the dead. */
  readonly nextAttemptAt: Date | undefined
  readonly deadAt: Date | undefined
}

export interface DeliveryQuery {
  readonly state: DeliveryState
  /** Undefined: of all of them. */
  readonly consumer: string | undefined
  readonly limit: number
  /** The id after which the page begins. */
  readonly after: number | undefined
}

/**
 * Who is to be told of which event, for all instances together. The events of one person go to a consumer one after the
 * other, in the order in which they were committed: the next can be claimed once the one before is delivered or dead.
 */
export interface Deliveries {
  /**
   * Gives up to `limit` events that were committed, the oldest first, to the consumers that `consumersOf` names; an event
   * for nobody is removed. Instances take turns, so that no event of a person overtakes another. Answers how many it took.
   */
  dispatch(
    consumersOf: (event: StoredEvent) => readonly string[],
    options: { now: Date; limit: number },
  ): Promise<number>

  /**
   * Up to `limit` deliveries that are due, of as many people, counted as attempted from now on. Nobody else gets one for
   * these people until the claim ends by one of the three calls below, or has lasted `seconds`.
   */
  claim(
    consumer: string,
    options: { now: Date; limit: number; seconds: number },
  ): Promise<readonly ClaimedDelivery[]>

  /** It was delivered: it goes, and the person's next is due. After the claim has run out as well. */
  complete(delivery: ClaimedDelivery, now: Date): Promise<void>

  /** It failed, and is tried again then. Does nothing once the claim is somebody else's. */
  postpone(delivery: ClaimedDelivery, options: { until: Date; error: string }): Promise<void>

  /** It failed for good, and is kept for operators; the person's next is due. Does nothing once the claim is another's. */
  giveUp(delivery: ClaimedDelivery, options: { now: Date; error: string }): Promise<void>

  /** The consumer is back: up to `limit` people's deliveries that were postponed are due now. Answers how many. */
  hasten(consumer: string, now: Date, limit: number): Promise<number>

  /** Gives up what was dispatched before then and nobody works at, of up to `limit` people. Answers how many deliveries. */
  giveUpOld(
    consumer: string,
    options: { dispatchedBefore: Date; now: Date; error: string; limit: number },
  ): Promise<number>

  /** By id, the oldest first. */
  list(query: DeliveryQuery): Promise<readonly ListedDelivery[]>

  /**
   * A dead delivery is to be tried again, from its first attempt on, in its old place before whatever else waits for the
   * person. One that waits is left as it is. Answers whether there is such a delivery.
   */
  replay(id: number, now: Date): Promise<boolean>

  /** The same for up to `limit` deliveries of the consumer that were dead before `now`. Answers how many. */
  replayAll(consumer: string, now: Date, limit: number): Promise<number>

  /** Removes up to `limit` deliveries that have been dead since before then. Answers how many. */
  removeDead(deadBefore: Date, limit: number): Promise<number>

  /** Every consumer that something waits for. */
  waitingConsumers(): Promise<readonly string[]>
}

import type { Actor } from '../../domain/actor.ts'
import type { DeliveryState } from '../../domain/delivery.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { UserId } from '../../domain/user.ts'

/** An event as it was written. */
export type StoredEvent = DomainEvent & {
  /** The same at every attempt and for every consumer, so that a consumer can recognise a repeat. */
  readonly id: string
  /** The version of the shape of its data. */
  readonly version: number
  /** Undefined for an event that an earlier version wrote. */
  readonly actor: Actor | undefined
}

/** A delivery that an instance works on, for as long as its lease lasts. */
export interface ClaimedDelivery {
  readonly id: number
  readonly consumer: string
  readonly event: StoredEvent
  /** Including this one. */
  readonly attempts: number
  /** Identifies the lease. Only the adapter reads it. */
  readonly claim: string
}

/** A delivery as operators see it, without the data of the event. */
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
  /** The next attempt for this user; undefined for a dead letter. */
  readonly nextAttemptAt: Date | undefined
  readonly deadAt: Date | undefined
}

/** A batch of announced users. */
export interface Announced {
  readonly count: number
  /** The user after whom the next batch begins; undefined after the last. */
  readonly next: UserId | undefined
}

export interface DeliveryQuery {
  readonly state: DeliveryState
  /** Undefined: all consumers. */
  readonly consumer: string | undefined
  readonly limit: number
  /** The id after which the page begins. */
  readonly after: number | undefined
}

/**
 * The deliveries of events to consumers, for all instances together. The events of one user go to a consumer one after the
 * other, in the order in which they were committed: the next can be claimed once the one before is delivered or dead.
 */
export interface Deliveries {
  /**
   * Creates the deliveries of up to `limit` committed events, oldest first, for the consumers that `consumersOf` names.
   * An event without a consumer is removed. Instances take turns, so that no event of a user overtakes another. Returns
   * how many events it handled.
   */
  dispatch(
    consumersOf: (event: StoredEvent) => readonly string[],
    options: { now: Date; limit: number },
  ): Promise<number>

  /**
   * Claims up to `limit` deliveries that are due, each of another user, and counts the attempt. No other call gets a
   * delivery for these users until one of the next three methods ends the lease, or `seconds` have passed. A delivery
   * that is due after `latestDue` is due now.
   */
  claim(
    consumer: string,
    options: { now: Date; limit: number; seconds: number },
  ): Promise<readonly ClaimedDelivery[]>

  /** Removes a delivery that succeeded, and makes the user's next one due. Also works after the lease has expired. */
  acknowledge(delivery: ClaimedDelivery, now: Date): Promise<void>

  /** Retries a failed delivery at `until`. Does nothing if another call holds the lease. */
  postpone(delivery: ClaimedDelivery, options: { until: Date; error: string }): Promise<void>

  /**
   * Makes a delivery that failed for good a dead letter, and the user's next one due. Does nothing if another call
   * holds the lease.
   */
  moveToDeadLetters(delivery: ClaimedDelivery, options: { now: Date; error: string }): Promise<void>

  /**
   * Makes the postponed deliveries of up to `limit` users due now, for a consumer that is reachable again. Returns the
   * number of users.
   */
  resumePostponed(consumer: string, now: Date, limit: number): Promise<number>

  /**
   * Makes the waiting deliveries of these users due now, before all others, unless they are in flight or had
   * `attemptsAtMost` attempts or more. Returns the number of users.
   */
  hasten(
    consumer: string,
    options: { userIds: readonly UserId[]; now: Date; attemptsAtMost: number },
  ): Promise<number>

  /**
   * Adds a delivery of the present user, as `user.updated` without changes, for each of the `limit` users after `after`
   * for whom none is waiting. Deleted users are left out. Records in the audit log who did it.
   */
  announce(
    consumer: string,
    options: { after: UserId | undefined; limit: number; by: Actor; now: Date },
  ): Promise<Announced>

  /**
   * Makes dead letters of deliveries that were dispatched before `dispatchedBefore` and are not in flight, of up to
   * `limit` users. Returns the number of deliveries.
   */
  moveOldToDeadLetters(
    consumer: string,
    options: { dispatchedBefore: Date; now: Date; error: string; limit: number },
  ): Promise<number>

  /** By id, the oldest first. */
  list(query: DeliveryQuery): Promise<readonly ListedDelivery[]>

  /**
   * Makes a dead letter due again with no attempts counted, before all other waiting deliveries of its user. A waiting
   * delivery is left as it is. Returns whether a delivery with this id exists. Records in the audit log who did it.
   */
  replay(id: number, by: Actor, now: Date): Promise<boolean>

  /** The same for up to `limit` deliveries of the consumer that were dead before `now`. Returns how many. */
  replayAll(consumer: string, options: { by: Actor; now: Date; limit: number }): Promise<number>

  /** Removes up to `limit` dead letters that died before `deadBefore`. Returns how many. */
  removeDead(deadBefore: Date, limit: number): Promise<number>

  /** Every consumer with a waiting delivery. */
  waitingConsumers(): Promise<readonly string[]>
}

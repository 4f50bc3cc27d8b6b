import type { StoredEvent } from './deliveries.ts'

/** A receiver of events. */
export interface EventConsumer {
  /** Stable across restarts, because deliveries are stored under it. Contains no secret, because operators see it. */
  readonly name: string

  wants(event: StoredEvent): boolean

  /**
   * Resolves when the consumer has acknowledged the event. Otherwise rejects with `DeliveryFailed` within a few
   * seconds. A consumer may get an event more than once: `attempt` counts from 1.
   */
  receive(event: StoredEvent, now: Date, attempt: number): Promise<void>
}

/**
 * The consumer did not acknowledge the event. The message is stored and shown to operators, so it contains no secret
 * and nothing that the consumer sent.
 */
export class DeliveryFailed extends Error {
  /** The consumer is up and refuses this event for good, so it becomes a dead letter without another attempt. */
  readonly isPermanent: boolean
  /** The consumer is up, and its refusal says nothing about other events. */
  readonly isOfThisEvent: boolean

  constructor(
    message: string,
    { isPermanent = false, isOfThisEvent = isPermanent, ...options }: DeliveryFailedOptions = {},
  ) {
    super(message, options)
    this.name = 'DeliveryFailed'
    this.isPermanent = isPermanent
    this.isOfThisEvent = isOfThisEvent
  }
}

interface DeliveryFailedOptions extends ErrorOptions {
  readonly isPermanent?: boolean
  readonly isOfThisEvent?: boolean
}

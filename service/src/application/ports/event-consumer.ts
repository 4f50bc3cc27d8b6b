import type { StoredEvent } from './deliveries.ts'

/** Somebody who is told of events. */
export interface EventConsumer {
  /** Stays the same over restarts and shows no secret: deliveries are kept under it, and operators read it. */
  readonly name: string

  wants(event: StoredEvent): boolean

  /**
   * Resolves once the consumer has acknowledged the event, which it may get more than once. Rejects with `DeliveryFailed`
   * otherwise, within a few seconds in any case.
   */
  receive(event: StoredEvent, now: Date): Promise<void>
}

/** The consumer did not take it. The message is kept and shown to operators: it holds no secret and nothing the consumer said. */
export class DeliveryFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DeliveryFailed'
  }
}

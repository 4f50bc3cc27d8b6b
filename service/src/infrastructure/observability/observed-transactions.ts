import type { Transaction, Transactions } from '../application/ports/transactions.ts'
import type { DomainEvent } from '../domain/event.ts'
import type { UserId } from '../domain/user.ts'

type Observer = (events: readonly DomainEvent[]) => void

/** Tells observers what happened to people and sessions, once it is durable. */
export class ObservedTransactions implements Transactions {
  readonly #transactions: Transactions
  readonly #observers: readonly Observer[]

  constructor(transactions: Transactions, observers: readonly Observer[]) {
    this.#transactions = transactions
    this.#observers = observers
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    let events: DomainEvent[] = []
    const result = await this.#transactions.transaction((tx) => {
      // The work may run again after a deadlock.
      events = []
      const outbox = {
        add: async (added: readonly DomainEvent[]): Promise<void> => {
          await tx.outbox.add(added)
          events.push(...added)
        },
        scrub: (userId: UserId): Promise<void> => tx.outbox.scrub(userId),
      }
      return work({ ...tx, outbox })
    })
    if (events.length > 0) for (const observe of this.#observers) observe(events)
    return result
  }
}

import type { Transaction, Transactions } from '../../application/ports/transactions.ts'
import { actorOf, type Actor, type Author } from '../../domain/actor.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { UserId } from '../../domain/user.ts'

export type CommittedEvent = DomainEvent & { readonly actor: Actor }

type Observer = (events: readonly CommittedEvent[]) => void

/** Calls its observers with the events of each transaction, after the commit and in the order given. */
export class ObservedTransactions implements Transactions {
  readonly #transactions: Transactions
  readonly #observers: readonly Observer[]

  constructor(transactions: Transactions, observers: readonly Observer[]) {
    this.#transactions = transactions
    this.#observers = observers
  }

  async transaction<T>(author: Author, work: (tx: Transaction) => Promise<T>): Promise<T> {
    let events: CommittedEvent[] = []
    const result = await this.#transactions.transaction(author, (tx) => {
      // The work may run again after a deadlock.
      events = []
      const outbox = {
        add: async (added: readonly DomainEvent[]): Promise<void> => {
          await tx.outbox.add(added)
          events.push(...added.map((event) => ({ ...event, actor: actorOf(author, event) })))
        },
        redact: (userId: UserId): Promise<void> => tx.outbox.redact(userId),
      }
      return work({ ...tx, outbox })
    })
    if (events.length > 0) for (const observe of this.#observers) observe(events)
    return result
  }
}

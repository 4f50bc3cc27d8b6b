import type { Logger } from 'pino'
import type { Transaction, Transactions } from '../application/ports/transactions.ts'
import type { DomainEvent } from '../domain/event.ts'

/** Logs what happened to people and sessions once it is durable, under the names of the events (ASVS 16.3). */
export class LoggedTransactions implements Transactions {
  readonly #transactions: Transactions
  readonly #logger: Logger

  constructor(transactions: Transactions, logger: Logger) {
    this.#transactions = transactions
    this.#logger = logger
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
      }
      return work({ ...tx, outbox })
    })
    for (const { type, userId, data } of events) this.#logger.info({ event: type, user_id: userId, ...data })
    return result
  }
}

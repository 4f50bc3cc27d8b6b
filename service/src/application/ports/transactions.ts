import type { DomainEvent } from '../../domain/event.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { SessionsInTransaction } from './sessions.ts'
import type { UsersInTransaction } from './users.ts'

/** Tells verifiers which sessions to refuse. Append only. */
export interface Revocations {
  add(revocations: readonly Revocation[]): Promise<void>
}

/** Events to be delivered at least once, in order per user. */
export interface Outbox {
  add(events: readonly DomainEvent[]): Promise<void>
}

export interface Transaction {
  readonly users: UsersInTransaction
  readonly sessions: SessionsInTransaction
  readonly revocations: Revocations
  readonly outbox: Outbox
}

/**
 * Runs `work` so that all of it is durable once the promise resolves, and none of it when it rejects. The work does
 * no I/O but through `tx`: no network, no hashing, since it holds locks. It may run again after a deadlock.
 */
export interface Transactions {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

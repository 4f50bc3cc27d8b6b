import type { DomainEvent } from '../../domain/event.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { UserId } from '../../domain/user.ts'
import type { MediaInTransaction } from './media.ts'
import type { SessionsInTransaction } from './sessions.ts'
import type { UsersInTransaction } from './users.ts'

/** Tells verifiers which sessions, and which tokens of others, to refuse. Append only. */
export interface Revocations {
  add(revocations: readonly Revocation[]): Promise<void>
}

/** Events to be delivered at least once, in order per user. */
export interface Outbox {
  add(events: readonly DomainEvent[]): Promise<void>

  /**
   * Empties what the person's kept events say of them, dead letters included (see domain/personal-fields.ts): what is
   * not delivered yet tells that something happened, and when, no longer to whom. The caller holds the user's lock.
   */
  scrub(userId: UserId): Promise<void>
}

export interface Transaction {
  readonly users: UsersInTransaction
  readonly sessions: SessionsInTransaction
  readonly media: MediaInTransaction
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

import type { Author } from '../../domain/actor.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { UserId } from '../../domain/user.ts'
import type { AuditInTransaction } from './audit-log.ts'
import type { FactorsInTransaction } from './factors.ts'
import type { EmailChangesInTransaction } from './email-changes.ts'
import type { InvitationsInTransaction } from './invitations.ts'
import type { MediaInTransaction } from './media.ts'
import type { PasswordResetRequestsInTransaction } from './password-reset-requests.ts'
import type { SessionsInTransaction } from './sessions.ts'
import type { SpentProofs } from './spent-proofs.ts'
import type { UsersInTransaction } from './users.ts'

/** Tells verifiers to refuse the tokens of an ended session, or the outdated tokens of a live one. Append only. */
export interface Revocations {
  add(revocations: readonly Revocation[]): Promise<void>
}

/** Events to be delivered at least once, in order per user. */
export interface Outbox {
  /** Each is stored with the actor of the transaction, and recorded in the audit log. */
  add(events: readonly DomainEvent[]): Promise<void>

  /**
   * Empties the personal fields of the user's kept events, dead letters included (see domain/personal-fields.ts). The
   * type and time of an undelivered event stay. The caller holds the user's lock.
   */
  redact(userId: UserId): Promise<void>
}

export interface Transaction {
  readonly users: UsersInTransaction
  readonly sessions: SessionsInTransaction
  readonly media: MediaInTransaction
  readonly revocations: Revocations
  readonly outbox: Outbox
  readonly audit: AuditInTransaction
  readonly invitations: InvitationsInTransaction
  readonly factors: FactorsInTransaction
  /** As outside, but a proof is not spent if the transaction fails. */
  readonly spentProofs: Pick<SpentProofs, 'spend'>
  readonly emailChanges: EmailChangesInTransaction
  readonly passwordResetRequests: PasswordResetRequestsInTransaction
}

/**
 * Runs `work` for an actor, whom everything it records names: no change is made without one. All of its changes are durable when the promise resolves, and none are when it rejects. The work does
 * I/O only through `tx`: no network and no hashing, because it holds locks. It may run again after a deadlock.
 */
export interface Transactions {
  transaction<T>(author: Author, work: (tx: Transaction) => Promise<T>): Promise<T>
}

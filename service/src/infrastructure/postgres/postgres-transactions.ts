import type { Revocations, Transaction, Transactions } from '../../application/ports/transactions.ts'
import type { Author } from '../../domain/actor.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { Database } from './database.ts'
import { PostgresAuditInTransaction } from './postgres-audit-in-transaction.ts'
import { PostgresFactors } from './postgres-factors.ts'
import { PostgresEmailChanges } from './postgres-email-changes.ts'
import { PostgresInvitations } from './postgres-invitations.ts'
import { PostgresOutbox } from './postgres-outbox.ts'
import { PostgresMedia } from './postgres-media.ts'
import { PostgresPasswordResetRequests } from './postgres-password-reset-requests.ts'
import { PostgresSessions } from './postgres-sessions.ts'
import { PostgresSpentProofs } from './postgres-spent-proofs.ts'
import { PostgresUsers } from './postgres-users.ts'
import { retryConflicts } from './retry-conflicts.ts'

export class PostgresTransactions implements Transactions {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  transaction<T>(author: Author, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return retryConflicts(() => this.#db.transaction().execute((db) => work(inTransaction(db, author))))
  }
}

const inTransaction = (db: Database, author: Author): Transaction => ({
  users: new PostgresUsers(db),
  sessions: new PostgresSessions(db),
  media: new PostgresMedia(db),
  revocations: new PostgresRevocations(db),
  outbox: new PostgresOutbox(db, author),
  audit: new PostgresAuditInTransaction(db),
  invitations: new PostgresInvitations(db, author),
  factors: new PostgresFactors(db),
  spentProofs: new PostgresSpentProofs(db),
  emailChanges: new PostgresEmailChanges(db),
  passwordResetRequests: new PostgresPasswordResetRequests(db),
})

class PostgresRevocations implements Revocations {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    if (revocations.length === 0) return
    const rows = revocations.map(({ sessionId, userId, reason, upToGeneration, expiresAt }) => ({
      session_id: sessionId,
      user_id: userId,
      reason,
      up_to_generation: upToGeneration ?? null,
      expires_at: expiresAt,
    }))
    await this.#db.insertInto('revocations').values(rows).execute()
  }
}

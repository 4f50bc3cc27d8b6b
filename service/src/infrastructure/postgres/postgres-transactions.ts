import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationError } from '../../application/errors.ts'
import type { Revocations, Transaction, Transactions } from '../../application/ports/transactions.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { Database } from './database.ts'
import { PostgresOutbox } from './postgres-outbox.ts'
import { PostgresMedia } from './postgres-media.ts'
import { PostgresSessions } from './postgres-sessions.ts'
import { PostgresUsers } from './postgres-users.ts'
import { isConflict } from './unavailable.ts'

const ATTEMPTS = 3
/** Before another attempt, so that whoever it met can finish and does not meet it again. */
const PAUSE_MS = 25

export class PostgresTransactions implements Transactions {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#db.transaction().execute((db) => work(inTransaction(db)))
      } catch (error) {
        if (!isConflict(error)) throw error
        if (attempt === ATTEMPTS) {
          throw new ApplicationError('unavailable', { retryAfterSeconds: 1, cause: error })
        }
        await delay(PAUSE_MS * attempt)
      }
    }
  }
}

const inTransaction = (db: Database): Transaction => ({
  users: new PostgresUsers(db),
  sessions: new PostgresSessions(db),
  media: new PostgresMedia(db),
  revocations: new PostgresRevocations(db),
  outbox: new PostgresOutbox(db),
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

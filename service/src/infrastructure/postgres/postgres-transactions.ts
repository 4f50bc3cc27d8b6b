import { setTimeout as delay } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import { ApplicationError } from '../../application/errors.ts'
import type { Outbox, Revocations, Transaction, Transactions } from '../../application/ports/transactions.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { Database } from './database.ts'
import { PostgresSessions } from './postgres-sessions.ts'
import { PostgresUsers } from './postgres-users.ts'
import { isConflict } from './unavailable.ts'

const ATTEMPTS = 3
/** Before another attempt, so that whoever it met can finish and does not meet it again. */
const PAUSE_MS = 25
/** Of the shape of an event's data; raised when a field is taken away or changes its meaning. */
const EVENT_VERSION = 1

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
    const rows = revocations.map(({ sessionId, userId, reason, expiresAt }) => ({
      session_id: sessionId,
      user_id: userId,
      reason,
      expires_at: expiresAt,
    }))
    await this.#db.insertInto('revocations').values(rows).execute()
  }
}

class PostgresOutbox implements Outbox {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(events: readonly DomainEvent[]): Promise<void> {
    if (events.length === 0) return
    const rows = events.map(({ type, userId, occurredAt, data }) => ({
      event_id: uuidv7(),
      type,
      version: EVENT_VERSION,
      user_id: userId,
      occurred_at: occurredAt,
      data: JSON.stringify(data),
    }))
    await this.#db.insertInto('outbox').values(rows).execute()
  }
}

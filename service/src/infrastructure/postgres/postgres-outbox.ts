import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Outbox } from '../../application/ports/transactions.ts'
import type { DomainEvent } from '../../domain/event.ts'
import { personalFields } from '../../domain/personal-fields.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

/** Of the shape of an event's data; raised when a field is taken away or changes its meaning. */
const EVENT_VERSION = 1

export class PostgresOutbox implements Outbox {
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

  async scrub(userId: UserId): Promise<void> {
    // In the order in which whoever dispatches them takes them, so that the two never wait for each other in a circle.
    const held = this.#db.selectFrom('outbox').select('id').where('user_id', '=', userId)
    await held.orderBy('id').forUpdate().execute()
    for (const [type, fields] of Object.entries(personalFields)) {
      if (fields.length === 0) continue
      const emptied = JSON.stringify(Object.fromEntries(fields.map((field) => [field, null])))
      await sql`update outbox set data = data || ${emptied}::jsonb where user_id = ${userId} and type = ${type}`.execute(
        this.#db,
      )
    }
  }
}

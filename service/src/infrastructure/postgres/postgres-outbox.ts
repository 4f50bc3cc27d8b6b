import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Outbox } from '../../application/ports/transactions.ts'
import { actorOf, type Author } from '../../domain/actor.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { RequestOrigin } from '../../application/ports/audit-log.ts'
import { personalFields } from '../../domain/personal-fields.ts'
import type { UserId } from '../../domain/user.ts'
import { currentOrigin } from '../context/request-origin.ts'
import type { Database } from './database.ts'

/** The version of the shape of an event's data. It is raised when a field is removed or changes its meaning. */
export const EVENT_VERSION = 1

export class PostgresOutbox implements Outbox {
  readonly #db: Database
  readonly #author: Author

  constructor(db: Database, author: Author) {
    this.#db = db
    this.#author = author
  }

  async add(events: readonly DomainEvent[]): Promise<void> {
    if (events.length === 0) return
    const rows = events.map(({ type, userId, occurredAt, data }) => ({
      actor: actorOf(this.#author, { userId }),
      event_id: uuidv7(),
      type,
      version: EVENT_VERSION,
      user_id: userId,
      occurred_at: occurredAt,
      data: JSON.stringify(data),
    }))
    const inserted = this.#db.insertInto('outbox').values(rows)
    await this.#db
      .with('added', () => inserted.returning(['occurred_at', 'actor', 'type', 'user_id', 'data']))
      .insertInto('audit_log')
      .columns([
        'at',
        'actor',
        'action',
        'subject',
        'session',
        'ip',
        'user_agent',
        'request_id',
        'result',
        'data',
      ])
      .expression((db) => db.selectFrom('added').select(auditColumns(currentOrigin())))
      .execute()
  }

  async redact(userId: UserId): Promise<void> {
    // In the order in which they are dispatched, so that the two cannot deadlock.
    const held = this.#db.selectFrom('outbox').select('id').where('user_id', '=', userId)
    await held.orderBy('id').forUpdate().execute()
    await this.#db
      .updateTable('outbox')
      .set({ data: sql<string>`data || (${JSON.stringify(emptied)}::jsonb -> type)` })
      .where('user_id', '=', userId)
      .where('type', 'in', Object.keys(emptied))
      .execute()
  }
}

/** The columns of the audit log, from the rows that were added to the outbox. */
const auditColumns = (origin: RequestOrigin | undefined) => [
  'occurred_at' as const,
  'actor' as const,
  'type' as const,
  'user_id' as const,
  sql<string>`coalesce((data ->> 'session_id')::uuid, ${origin?.session})`.as('session'),
  sql<string>`${origin?.ip}::inet`.as('ip'),
  sql<string>`${origin?.userAgent}::text`.as('user_agent'),
  sql<string>`${origin?.requestId}::text`.as('request_id'),
  sql<string>`'success'`.as('result'),
  sql<object>`data - 'session_id'`.as('data'),
]

/** By the type of the event: its personal fields without a value. */
const emptied = Object.fromEntries(
  Object.entries(personalFields)
    .filter(([, fields]) => fields.length > 0)
    .map(([type, fields]) => [type, Object.fromEntries(fields.map((field) => [field, null]))]),
)

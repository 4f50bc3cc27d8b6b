import type { Events, RecordedEvent } from '../../application/ports/events.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

export class PostgresEvents implements Events {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async page(userId: UserId, last: number | undefined, limit: number): Promise<readonly RecordedEvent[]> {
    const rows = await this.#db
      .selectFrom('outbox')
      .select(['id', 'type', 'occurred_at', 'data'])
      .where('user_id', '=', userId)
      .where('id', '>', last ?? 0)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(({ id, type, occurred_at, data }) => ({
      id,
      type,
      occurredAt: occurred_at,
      data: data as Record<string, unknown>,
    }))
  }
}

import type { Events, RecordedEvent } from '../../application/ports/events.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

export class PostgresEvents implements Events {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async ofUser(userId: UserId): Promise<readonly RecordedEvent[]> {
    const rows = await this.#db
      .selectFrom('outbox')
      .select(['type', 'occurred_at', 'data'])
      .where('user_id', '=', userId)
      .orderBy('id')
      .execute()
    return rows.map(({ type, occurred_at, data }) => ({
      type,
      occurredAt: occurred_at,
      data: data as Record<string, unknown>,
    }))
  }
}

import { sql } from 'kysely'
import type { AuditInTransaction } from '../../application/ports/audit-log.ts'
import { userActor } from '../../domain/actor.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

export class PostgresAuditInTransaction implements AuditInTransaction {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async forget(userId: UserId): Promise<void> {
    await sql`
      update audit_log set
        ip = null,
        user_agent = null,
        data = case when subject = ${userId} then '{}' else data end
      where subject = ${userId} or actor = ${userActor(userId)}`.execute(this.#db)
  }
}

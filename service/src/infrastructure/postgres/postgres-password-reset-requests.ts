import { sql } from 'kysely'
import type {
  PasswordResetRequests,
  PasswordResetRequestsInTransaction,
} from '../../application/ports/password-reset-requests.ts'
import type { Database } from './database.ts'

export class PostgresPasswordResetRequests
  implements PasswordResetRequests, PasswordResetRequestsInTransaction
{
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(emailKey: string, now: Date): Promise<void> {
    await this.#db
      .insertInto('password_reset_requests')
      .values({ email_key: emailKey, requested_at: now })
      .execute()
  }

  async take(limit: number): Promise<readonly string[]> {
    const { rows } = await sql<{ email_key: string }>`
      with oldest as (
        select id from password_reset_requests order by id limit ${limit} for update skip locked
      )
      delete from password_reset_requests using oldest
      where password_reset_requests.id = oldest.id
      returning email_key`.execute(this.#db)
    return rows.map(({ email_key }) => email_key)
  }
}

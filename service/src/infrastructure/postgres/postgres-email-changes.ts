import { sql } from 'kysely'
import type { EmailChanges, EmailChangesInTransaction } from '../../application/ports/email-changes.ts'
import type { EmailAddress } from '../../domain/email-address.ts'
import { EMAIL_UNDO_SECONDS, type EmailChange } from '../../domain/email-change.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { affectedRows } from './affected-rows.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export class PostgresEmailChanges implements EmailChanges, EmailChangesInTransaction {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(userId: UserId, version: number): Promise<EmailChange | undefined> {
    const row = await this.#of(userId).where('version', '=', version).executeTakeFirst()
    return row && toEmailChange(row)
  }

  async list(userId: UserId): Promise<readonly EmailChange[]> {
    return (await this.#of(userId).orderBy('version', 'desc').execute()).map(toEmailChange)
  }

  async removeOld(now: Date, limit: number): Promise<number> {
    const query = sql`
      with old as (
        select user_id, version from email_changes where changed_at <= ${secondsAfter(now, -EMAIL_UNDO_SECONDS)}
        order by changed_at limit ${limit} for update skip locked
      )
      delete from email_changes using old
      where email_changes.user_id = old.user_id and email_changes.version = old.version`
    return affectedRows(await query.execute(this.#db))
  }

  async add({ userId, version, previous, previousWasVerified, changedAt }: EmailChange): Promise<void> {
    const row = {
      user_id: userId,
      version,
      previous_email: previous.text,
      previous_email_key: previous.key,
      previous_verified: previousWasVerified,
      changed_at: changedAt,
    }
    await this.#db.insertInto('email_changes').values(row).execute()
  }

  async removeFrom(userId: UserId, version: number): Promise<void> {
    await this.#removeOf(userId).where('version', '>=', version).execute()
  }

  async forget(userId: UserId): Promise<void> {
    await this.#removeOf(userId).execute()
  }

  #of(userId: UserId) {
    return this.#db.selectFrom('email_changes').selectAll().where('user_id', '=', userId)
  }

  #removeOf(userId: UserId) {
    return this.#db.deleteFrom('email_changes').where('user_id', '=', userId)
  }
}

const toEmailChange = (row: Schema['email_changes']): EmailChange => ({
  userId: row.user_id as UserId,
  version: row.version,
  previous: { text: row.previous_email, key: row.previous_email_key } as EmailAddress,
  previousWasVerified: row.previous_verified,
  changedAt: row.changed_at,
})

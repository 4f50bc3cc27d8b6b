import { sql, type Kysely } from 'kysely'

/** Who made the change that an event reports. Events that an earlier version wrote have none (decision 36). */
export async function up(db: Kysely<never>): Promise<void> {
  await sql.raw(`alter table outbox add column actor text`).execute(db)
}

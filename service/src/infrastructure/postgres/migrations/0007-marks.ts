import { sql, type Kysely } from 'kysely'

/** Drawn when a row is numbered. 0 in rows that an earlier version numbered (decision 30). */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table revocations add column mark bigint not null default 0`.execute(db)
}

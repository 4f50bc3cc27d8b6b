import { sql, type Kysely } from 'kysely'

/** Users of the older service whose address it had lost. Both columns are null, and null is not unique. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table users alter column email drop not null, alter column email_key drop not null`.execute(
    db,
  )
}

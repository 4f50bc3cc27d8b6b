import { sql, type Kysely } from 'kysely'

/** Tokens of a live session that were withdrawn, as by a change of the password. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table sessions add column oldest_generation integer not null default 0`.execute(db)
  await sql`comment on column sessions.oldest_generation is
    'The first generation whose tokens are accepted'`.execute(db)
}

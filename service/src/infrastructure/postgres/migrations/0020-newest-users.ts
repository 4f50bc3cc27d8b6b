import { sql, type Kysely } from 'kysely'

/** Operators list the newest users, and the newest disabled ones, without reading deleted and other ones. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create index users_newest on users (id) where deleted_at is null`,
  `create index users_newest_disabled on users (id) where deleted_at is null and disabled_at is not null`,
]

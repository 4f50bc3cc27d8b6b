import { sql, type Kysely } from 'kysely'

/** Names that users gave up and may take back (decision 39). Earlier versions hold names of deleted users only, for nobody. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table released_names add column user_id bigint`,
  `create index released_names_user_id on released_names (user_id) where user_id is not null`,
  `comment on column released_names.user_id is 'The user who may take the name back; null if nobody may'`,
]

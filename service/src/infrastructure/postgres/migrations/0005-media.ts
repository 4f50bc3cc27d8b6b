import { sql, type Kysely } from 'kysely'

/** The pictures of users. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // By user and not by name: two users may have the same picture, and one of them may remove it.
  `create table avatars (
    user_id bigint primary key references users,
    name text not null,
    large bytea not null,
    small bytea not null
  )`,
  // Pictures are already compressed.
  `alter table avatars alter column large set storage external, alter column small set storage external`,
  `create index avatars_name on avatars using hash (name)`,
]

import { sql, type Kysely } from 'kysely'

/** For names that were different and have one look since the marks are sorted (decision 34). */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table shared_username_looks (
    look text not null,
    user_id bigint not null references users,
    primary key (look, user_id)
  )`,
  `create index shared_username_looks_user_id on shared_username_looks (user_id)`,
  `comment on table shared_username_looks is
    'Users with the look of another user who holds it in username_looks, from before a change of the rules for looks'`,
]

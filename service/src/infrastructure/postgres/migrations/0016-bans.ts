import { sql, type Kysely } from 'kysely'

/** Bans that end, and a reason for the user (decision 38). */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table users add column disabled_until timestamptz, add column disabled_public_reason text`,
  `create index users_disabled_until on users (disabled_until) where disabled_until is not null`,

  // Instances of earlier versions do not write these columns. A ban that they lift must leave no end for the next one, and a
  // user whom they delete must leave no words about them.
  `create function clear_lifted_ban() returns trigger language plpgsql as $$
    begin
      new.disabled_until := null;
      new.disabled_public_reason := null;
      return new;
    end
  $$`,
  `create trigger clear_lifted_ban before update of disabled_at, deleted_at on users
    for each row when (new.disabled_at is null or new.deleted_at is not null)
    execute function clear_lifted_ban()`,
]

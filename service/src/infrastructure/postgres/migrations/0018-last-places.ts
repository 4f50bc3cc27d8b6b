import { sql, type Kysely } from 'kysely'

/** Where the last refresh of a session came from. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Null where they are as at the sign-in, and in rows of an earlier version. Not indexed, so that a refresh stays heap-only.
  `alter table sessions add column last_address inet, add column last_user_agent text`,

  // Instances of earlier versions do not write these columns. When they delete a user, nothing that locates the user may
  // stay. A refresh does not set the column 'address', so it does not run this.
  `create function forget_last_place() returns trigger language plpgsql as $$
    begin
      new.last_address := null;
      new.last_user_agent := null;
      return new;
    end
  $$`,
  `create trigger forget_last_place before update of address on sessions
    for each row when (new.address = '0.0.0.0')
    execute function forget_last_place()`,
]

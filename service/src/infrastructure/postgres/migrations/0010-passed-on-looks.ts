import { sql, type Kysely } from 'kysely'

/** A look that its holder gives up goes to the next user who has it, so that nobody new can take it. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create function pass_on_username_look() returns trigger language plpgsql as $$
    begin
      with next as (
        delete from shared_username_looks where look = old.look and user_id =
          (select min(user_id) from shared_username_looks where look = old.look)
        returning look, user_id)
      insert into username_looks select look, user_id from next;
      return null;
    end
  $$`,
  `create trigger username_looks_released after delete on username_looks
    for each row execute function pass_on_username_look()`,
]

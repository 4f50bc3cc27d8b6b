import { sql, type Kysely } from 'kysely'
import { recomputeLooks } from '../recompute-looks.ts'

/** Marks in one order (decision 34): names that were different may have one look now. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await recomputeLooks(db)
  await sql.raw(passOn).execute(db)
  await sql.raw(onRelease).execute(db)
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

/** A look that its holder gives up goes to the next user who has it, so that nobody new can take it. */
const passOn = `create function pass_on_username_look() returns trigger language plpgsql as $$
  begin
    with next as (
      delete from shared_username_looks where look = old.look and user_id =
        (select min(user_id) from shared_username_looks where look = old.look)
      returning look, user_id)
    insert into username_looks select look, user_id from next;
    return null;
  end
$$`
const onRelease = `create trigger username_looks_released after delete on username_looks
  for each row execute function pass_on_username_look()`

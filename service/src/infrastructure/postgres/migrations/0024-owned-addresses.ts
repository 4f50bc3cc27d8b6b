import { sql, type Kysely } from 'kysely'

/** Only a verified address belongs to one user alone (decision 44). */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Zero marks a row that an instance of an earlier version adds, and the trigger replaces it.
  `alter table users
    drop constraint users_email_key_unique,
    add column email_version integer not null default 1`,
  `alter table users alter column email_version set default 0`,

  // Instances of earlier versions know every address as unique, and do not count addresses. They get the refusal that they know.
  // The lock is that of email-holders.ts.
  `create function claim_address() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(7224561, hashtext(new.email_key) & 255);
      if exists (select from users where email_key = new.email_key and id <> new.id) then
        raise unique_violation using message = 'the address is taken', constraint = 'users_email_key_unique';
      end if;
      if tg_op = 'INSERT' then
        new.email_version := 1;
      else
        new.email_version := old.email_version + 1;
        new.password_version := greatest(new.password_version, old.password_version + 1);
      end if;
      return new;
    end
  $$`,
  `create trigger claim_address_of_new_user before insert on users
    for each row when (new.email_version = 0)
    execute function claim_address()`,
  `create trigger claim_changed_address before update of email_key on users
    for each row when (new.email_key is distinct from old.email_key and new.email_version = old.email_version)
    execute function claim_address()`,

  // They do not know this table either, and nothing personal may stay of a user whom they delete.
  `create function forget_email_changes() returns trigger language plpgsql as $$
    begin
      delete from email_changes where user_id = new.id;
      return null;
    end
  $$`,
  `create trigger forget_email_changes after update of deleted_at on users
    for each row when (new.deleted_at is not null)
    execute function forget_email_changes()`,
]

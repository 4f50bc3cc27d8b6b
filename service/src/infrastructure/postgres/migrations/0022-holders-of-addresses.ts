import { sql, type Kysely } from 'kysely'

/**
 * Several users may have one address (decision 44). These are its indexes, and the tables of resets and changes. Building the indexes
 * blocks writes to users, not reads, so the columns and the end of the uniqueness have a migration of their own.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create index users_email_holders on users (email_key, id)`,
  `create unique index users_email_verified on users (email_key) where email_verified`,

  `create table email_changes (
    user_id bigint not null,
    version integer not null,
    previous_email text not null,
    previous_email_key text not null,
    previous_verified boolean not null,
    changed_at timestamptz not null,
    primary key (user_id, version)
  )`,
  `create index email_changes_changed_at on email_changes (changed_at)`,

  `create table password_reset_requests (
    id bigint generated always as identity primary key,
    email_key text not null,
    requested_at timestamptz not null
  )`,
]

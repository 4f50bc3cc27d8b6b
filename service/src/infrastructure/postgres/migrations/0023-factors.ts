import { sql, type Kysely } from 'kysely'

/** Second factors (decision 46). Instances of earlier versions do not know them, and sign in with the password alone. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table users
    add column factors text[] not null default '{}',
    add column factors_version integer not null default 1`,
  `comment on column users.factors is 'The kinds of second factors; a sign-in needs one of them'`,

  `create table totp_secrets (
    user_id bigint primary key,
    secret text not null,
    created_at timestamptz not null,
    confirmed_at timestamptz,
    last_step bigint not null default 0
  )`,
  `comment on column totp_secrets.secret is 'Encrypted; begins with the id of the key'`,
  `comment on column totp_secrets.confirmed_at is 'Null while the secret is pending'`,
  // To find the secrets of earlier keys among many.
  `create index totp_secrets_key_id on totp_secrets (left(secret, 8))`,

  `create table recovery_codes (
    user_id bigint not null,
    hash bytea not null,
    primary key (user_id, hash)
  )`,
]

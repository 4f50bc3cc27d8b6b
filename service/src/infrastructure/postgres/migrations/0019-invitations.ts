import { sql, type Kysely } from 'kysely'

/** Invitations to sign up. Users have no reference to them: their event `user.created` names the invitation. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table invitations (
    id bigint generated always as identity primary key,
    hash bytea not null unique,
    uses int not null,
    uses_left int not null,
    note text,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null
  )`,
  `comment on column invitations.hash is 'SHA-256 of the token'`,
  `create index invitations_expires_at on invitations (expires_at)`,
]

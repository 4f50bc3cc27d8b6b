import { sql, type Kysely } from 'kysely'

/** For verifiers: the revocation log in an order, and socket tickets. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Rows are numbered after the commit, so that the numbers rise in commit order and without gaps.
  `alter table revocations add column seq bigint`,
  `create unique index revocations_seq on revocations (seq)`,
  `create index revocations_not_numbered on revocations (session_id) where seq is null`,
  // Its only row is the lock for numbering.
  `create table revocation_log (
    only_row boolean primary key default true check (only_row),
    last_seq bigint not null
  )`,
  `insert into revocation_log (last_seq) values (0)`,

  // For receipts from services that report no user. It is on an expression, so that statements with a user id do not use it.
  `create index sessions_id on sessions using hash ((id::text))`,

  `create table tickets (
    hash bytea primary key,
    user_id bigint not null,
    session_id uuid not null,
    generation integer not null,
    origin text,
    issued_at timestamptz not null,
    token_expires_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  `create index tickets_expires_at on tickets (expires_at)`,
]

import { sql, type Kysely } from 'kysely'

/** Columns and tables for limits, and for attempts that are bought (decision 33). */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Null in rows of an earlier version.
  `alter table attempts add column forgotten_before timestamptz`,
  `comment on column attempts.forgotten_before is
    'When the row would be forgotten without its latest attempt'`,

  `create table spent_proofs (
    id bytea primary key,
    expires_at timestamptz not null
  )`,
  `create index spent_proofs_expires_at on spent_proofs (expires_at)`,
]

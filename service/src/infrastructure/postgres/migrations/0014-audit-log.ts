import { sql, type Kysely } from 'kysely'

/** Who did what to whom, when and from where (decision 37). Rows are added and grow old; a deletion empties fields. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table audit_log (
    id bigint generated always as identity,
    at timestamptz not null,
    actor text,
    action text not null,
    subject bigint,
    session uuid,
    ip inet,
    user_agent text,
    request_id text,
    result text not null,
    data jsonb not null,
    primary key (at, id)
  )`,
  `comment on column audit_log.actor is 'Null for an attempt by somebody who is not signed in'`,
  `comment on column audit_log.subject is 'The user whom the action concerns; null if there is none'`,
  `comment on column audit_log.result is '"success", or the code of the refusal'`,
  // Each in the order of the pages, so that a page reads no more rows than it shows.
  `create index audit_log_subject on audit_log (subject, at, id) where subject is not null`,
  `create index audit_log_actor on audit_log (actor, at, id) where actor is not null`,
  `create index audit_log_action on audit_log (action, at, id)`,
  `create index audit_log_ip on audit_log (ip, at, id) where ip is not null`,
]

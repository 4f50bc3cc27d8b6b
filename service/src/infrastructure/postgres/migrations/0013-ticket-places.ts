import { sql, type Kysely } from 'kysely'

/** The number of places is the number of tickets that a session can have. Tickets of an earlier version have none. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table tickets add column place smallint`,
  `create unique index tickets_of_session on tickets (session_id, place)`,
  `comment on column tickets.place is 'A session has so many places, and therefore so many tickets'`,
]

import { sql, type Kysely } from 'kysely'
import { advisoryLocks } from './advisory-locks.ts'
import type { Database } from './database.ts'
import { up as initial } from './migrations/0001-initial.ts'
import { up as feedAndTickets } from './migrations/0002-feed-and-tickets.ts'
import { up as people } from './migrations/0003-people.ts'
import { up as deliveries } from './migrations/0004-deliveries.ts'
import { up as media } from './migrations/0005-media.ts'

/** In their order. */
const migrations: Record<string, (db: Kysely<never>) => Promise<void>> = {
  '0001-initial': initial,
  '0002-feed-and-tickets': feedAndTickets,
  '0003-people': people,
  '0004-deliveries': deliveries,
  '0005-media': media,
}

/**
 * Brings the database to this version's shape, all or nothing. Instances that start together take turns. A database
 * that is ahead of this version is left alone: migrations only add, so that old and new instances run side by side.
 */
export async function migrate(db: Database): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLocks.migrations)})`.execute(trx)
    const done = await migrationsDone(trx)
    if (done.some((name) => !(name in migrations))) return
    for (const [name, bringUp] of Object.entries(migrations)) {
      if (done.includes(name)) continue
      await bringUp(trx as unknown as Kysely<never>)
      await sql`insert into migrations values (${name}, now())`.execute(trx)
    }
  })
}

/** What was done to the database, and how that differs from what this version wants. */
export async function migrationState(
  db: Database,
): Promise<Record<'done' | 'missing' | 'unknown', readonly string[]>> {
  const { rows } = await sql<{ name: string }>`select name from migrations order by name`.execute(db)
  const done = rows.map(({ name }) => name)
  return {
    done,
    missing: Object.keys(migrations).filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !(name in migrations)),
  }
}

async function migrationsDone(db: Database): Promise<string[]> {
  const table = sql`create table if not exists migrations (name text primary key, done_at timestamptz not null)`
  await table.execute(db)
  const { rows } = await sql<{ name: string }>`select name from migrations`.execute(db)
  return rows.map(({ name }) => name)
}

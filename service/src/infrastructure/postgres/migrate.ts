import { sql, type Kysely } from 'kysely'
import { takeAdvisoryLock } from './advisory-locks.ts'
import type { Database } from './database.ts'
import { up as initial } from './migrations/0001-initial.ts'
import { up as feedAndTickets } from './migrations/0002-feed-and-tickets.ts'
import { up as people } from './migrations/0003-people.ts'
import { up as deliveries } from './migrations/0004-deliveries.ts'
import { up as media } from './migrations/0005-media.ts'
import { up as logIdentity } from './migrations/0006-log-identity.ts'
import { up as renewedTokens } from './migrations/0007-renewed-tokens.ts'
import { up as names } from './migrations/0008-names.ts'
import { up as budgets } from './migrations/0009-budgets.ts'
import { up as auditLog } from './migrations/0010-audit-log.ts'
import { up as actors } from './migrations/0012-actors.ts'
import { up as bans } from './migrations/0013-bans.ts'

/** In their order. */
const migrations: Record<string, (db: Kysely<never>) => Promise<void>> = {
  '0001-initial': initial,
  '0002-feed-and-tickets': feedAndTickets,
  '0003-people': people,
  '0004-deliveries': deliveries,
  '0005-media': media,
  '0006-log-identity': logIdentity,
  '0007-renewed-tokens': renewedTokens,
  '0008-names': names,
  '0009-budgets': budgets,
  '0010-audit-log': auditLog,
  '0012-actors': actors,
  '0013-bans': bans,
}

/**
 * Brings the database to the schema of this version, in one transaction. Instances that start at the same time take turns.
 * A database that is ahead of this version is left alone: migrations only add, so old and new instances can run together.
 */
export async function migrate(db: Database): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await takeAdvisoryLock(trx, 'migrations')
    const done = await migrationsDone(trx)
    if (done.some((name) => !Object.hasOwn(migrations, name))) return
    for (const [name, bringUp] of Object.entries(migrations)) {
      if (done.includes(name)) continue
      await bringUp(trx as unknown as Kysely<never>)
      await sql`insert into chat_auth_migrations values (${name}, now())`.execute(trx)
    }
  })
}

/** The migrations that the database has, and how they differ from those of this version. */
export async function migrationState(
  db: Database,
): Promise<Record<'done' | 'missing' | 'unknown', readonly string[]>> {
  const { rows } = await sql<{ name: string }>`select name from chat_auth_migrations order by name`.execute(
    db,
  )
  const done = rows.map(({ name }) => name)
  return {
    done,
    missing: Object.keys(migrations).filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !Object.hasOwn(migrations, name)),
  }
}

/** Other programs call their table `migrations`, so ours has the name of the service. */
async function migrationsDone(db: Database): Promise<string[]> {
  const { rows: tables } = await sql<{ isThere: boolean }>`
    select to_regclass('chat_auth_migrations') is not null as "isThere"`.execute(db)
  if (tables[0]?.isThere !== true) {
    await sql`create table chat_auth_migrations (name text primary key, done_at timestamptz not null)`.execute(
      db,
    )
    await copyFormerTable(db)
  }
  const { rows } = await sql<{ name: string }>`select name from chat_auth_migrations`.execute(db)
  return rows.map(({ name }) => name)
}

/**
 * Earlier versions kept their list in `migrations`. It stays there for instances of those versions that are still running.
 * A table of that name with other columns, or without our first migration, belongs to another program.
 */
async function copyFormerTable(db: Database): Promise<void> {
  const { rows } = await sql<{ attname: string }>`
    select attname from pg_attribute
    where attrelid = to_regclass('migrations') and attnum > 0 and not attisdropped order by attname`.execute(
    db,
  )
  if (rows.map(({ attname }) => attname).join() !== 'done_at,name') return
  await sql`
    insert into chat_auth_migrations select name, done_at from migrations
    where exists (select from migrations where name = '0001-initial')`.execute(db)
}

import { sql, type Kysely } from 'kysely'
import { takeAdvisoryLock } from './advisory-locks.ts'
import type { Database } from './database.ts'
import { up as initial } from './migrations/0001-initial.ts'
import { up as feedAndTickets } from './migrations/0002-feed-and-tickets.ts'
import { up as people } from './migrations/0003-people.ts'
import { up as deliveries } from './migrations/0004-deliveries.ts'
import { up as media } from './migrations/0005-media.ts'
import { up as logIdentity } from './migrations/0006-log-identity.ts'
import { up as marks } from './migrations/0007-marks.ts'
import { up as renewedTokens } from './migrations/0008-renewed-tokens.ts'
import { up as sharedLooks } from './migrations/0009-shared-looks.ts'
import { up as passedOnLooks } from './migrations/0010-passed-on-looks.ts'
import { up as budgets } from './migrations/0012-budgets.ts'
import { up as ticketPlaces } from './migrations/0013-ticket-places.ts'
import { up as auditLog } from './migrations/0014-audit-log.ts'
import { up as actors } from './migrations/0015-actors.ts'
import { up as bans } from './migrations/0016-bans.ts'
import { up as releasedNames } from './migrations/0017-released-names.ts'
import { up as lastPlaces } from './migrations/0018-last-places.ts'
import { up as invitations } from './migrations/0019-invitations.ts'
import { up as newestUsers } from './migrations/0020-newest-users.ts'
import { up as usersWithoutAddress } from './migrations/0021-users-without-address.ts'
import { up as holdersOfAddresses } from './migrations/0022-holders-of-addresses.ts'
import { up as factors } from './migrations/0023-factors.ts'
import { up as ownedAddresses } from './migrations/0024-owned-addresses.ts'
import { recomputeLooks } from './recompute-looks.ts'

interface Migration {
  readonly up: (db: Kysely<never>) => Promise<void>
  /** Makes its own short transactions, and can be repeated after an interruption and by several instances. */
  readonly isRepeatable?: true
}

/**
 * In their order. Requests of earlier versions go on meanwhile. A deadlock would fail one of them, so from 0006 on a migration
 * locks at most one table that exists. A foreign key locks the table it refers to.
 */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': { up: initial },
  '0002-feed-and-tickets': { up: feedAndTickets },
  '0003-people': { up: people },
  '0004-deliveries': { up: deliveries },
  '0005-media': { up: media },
  '0006-log-identity': { up: logIdentity },
  '0007-marks': { up: marks },
  '0008-renewed-tokens': { up: renewedTokens },
  '0009-shared-looks': { up: sharedLooks },
  '0010-passed-on-looks': { up: passedOnLooks },
  '0011-sorted-marks': { up: recomputeLooks, isRepeatable: true },
  '0012-budgets': { up: budgets },
  '0013-ticket-places': { up: ticketPlaces },
  '0014-audit-log': { up: auditLog },
  '0015-actors': { up: actors },
  '0016-bans': { up: bans },
  '0017-released-names': { up: releasedNames },
  '0018-last-places': { up: lastPlaces },
  '0019-invitations': { up: invitations },
  '0020-newest-users': { up: newestUsers },
  '0021-users-without-address': { up: usersWithoutAddress },
  '0022-holders-of-addresses': { up: holdersOfAddresses },
  '0023-factors': { up: factors },
  '0024-owned-addresses': { up: ownedAddresses },
  '0026-stacked-marks': { up: recomputeLooks, isRepeatable: true },
}

/** Requests queue behind a table lock that is waited for, so the wait is short. The start tries again. */
const TABLE_LOCK_MS = 1_000

/**
 * Brings the database to the schema of this version. Instances that start at the same time take turns. A database that is
 * ahead of this version is left alone: migrations only add, so old and new instances can run together.
 *
 * Throws `unavailable` if a table stays in use, for example by a backup. The migrations before it are done and stay.
 */
export async function migrate(db: Database): Promise<void> {
  while (await migrateOnce(db));
}

/** Each migration has its own transaction, so no table is locked for longer than its own. Returns false when all are done. */
async function migrateOnce(db: Database): Promise<boolean> {
  const repeatable = await db.transaction().execute(async (trx) => {
    await takeAdvisoryLock(trx, 'migrations')
    const done = await migrationsDone(trx)
    const isAhead = done.some((name) => !Object.hasOwn(migrations, name))
    const [name, migration] = Object.entries(migrations).find(([each]) => !done.includes(each)) ?? []
    if (isAhead || name === undefined || migration === undefined) return undefined
    if (migration.isRepeatable === true) return { name, up: migration.up }
    await sql`select set_config('lock_timeout', ${String(TABLE_LOCK_MS)}, true)`.execute(trx)
    await migration.up(trx as unknown as Kysely<never>)
    await note(trx, name)
    return 'done'
  })
  if (repeatable === undefined) return false
  if (repeatable !== 'done') {
    await repeatable.up(db as unknown as Kysely<never>)
    await note(db, repeatable.name)
  }
  return true
}

const note = (db: Database, name: string) =>
  sql`insert into chat_auth_migrations values (${name}, now()) on conflict do nothing`.execute(db)

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

/** Whether the database has the tables of this version, those of an earlier one, or none. */
export async function schemaAge(db: Database): Promise<'present' | 'earlier' | 'none'> {
  const { rows } = await sql<{ users: boolean; list: boolean }>`
    select to_regclass('users') is not null as users, to_regclass('chat_auth_migrations') is not null as list`.execute(
    db,
  )
  if (rows[0]?.users !== true) return 'none'
  if (!rows[0].list) return 'earlier'
  const { missing, unknown } = await migrationState(db)
  return missing.length === 0 || unknown.length > 0 ? 'present' : 'earlier'
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

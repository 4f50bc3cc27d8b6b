import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { ImportedUsers } from '../../application/ports/imported-users.ts'
import type { Config } from '../config.ts'
import { openEmbeddedDatabase } from '../embedded/embedded-database.ts'
import { connectWithoutDeadlines } from '../postgres/connect.ts'
import { DatabaseClock } from '../postgres/database-clock.ts'
import { openDatabase, type Database } from '../postgres/database.ts'
import { migrate } from '../postgres/migrate.ts'
import { PostgresImportedUsers } from '../postgres/postgres-imported-users.ts'
import { CannotImport } from './cannot-import.ts'
import { nobodyYet, RehearsedUsers } from './rehearsed-users.ts'

/** Where people are brought to. */
export interface Target {
  readonly importedUsers: ImportedUsers
  readonly clock: Clock
  /** For people. */
  readonly place: string
  close(): Promise<void>
}

type TargetSettings = Pick<Config, 'databaseUrl' | 'dataDir'>

/** Opens the database the settings name, and brings it up to date unless it is a dry run, which writes nothing. */
export async function openTarget(settings: TargetSettings, isDryRun: boolean): Promise<Target> {
  const { databaseUrl, dataDir } = settings
  const place = databaseUrl === undefined ? resolve(dataDir) : serverOf(databaseUrl)
  if (isDryRun && databaseUrl === undefined && !existsSync(join(place, 'postgres'))) return notMadeYet(place)
  const { db, close } = await openDatabaseOf(settings)
  try {
    return { ...(await preparedTarget(db, isDryRun)), place, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function preparedTarget(db: Database, isDryRun: boolean): Promise<Omit<Target, 'place' | 'close'>> {
  const clock = new DatabaseClock(db)
  await clock.synchronise()
  const importedUsers = new PostgresImportedUsers(db)
  if (isDryRun) {
    const real = (await isMade(db)) ? importedUsers : nobodyYet
    return { importedUsers: new RehearsedUsers(real), clock }
  }
  await migrate(db)
  return { importedUsers, clock }
}

const serverOf = (url: string): string => {
  const { host, pathname } = new URL(url)
  return `PostgreSQL at ${host}${pathname}`
}

const notMadeYet = (place: string): Target => ({
  importedUsers: new RehearsedUsers(nobodyYet),
  clock: { now: () => new Date() },
  place,
  close: () => Promise.resolve(),
})

async function openDatabaseOf({ databaseUrl, dataDir }: TargetSettings) {
  if (databaseUrl === undefined) {
    const embedded = await openEmbeddedDatabase(resolve(dataDir))
    return { db: openDatabase(embedded.pool), close: () => embedded.close() }
  }
  // A page takes longer than requests may, and nobody waits for it.
  const db = openDatabase(connectWithoutDeadlines(databaseUrl))
  return { db, close: () => db.destroy() }
}

/** Whether the tables are there. Throws when they are those of an older version. */
async function isMade(db: Database): Promise<boolean> {
  const { rows } = await sql<{ users: boolean; latest: boolean }>`
    select to_regclass('users') is not null as users, to_regclass('released_names') is not null as latest`.execute(
    db,
  )
  if (rows[0]?.users === true && !rows[0].latest) {
    throw new CannotImport(
      'The database was set up by an older version. Start this version of the service once, or import without --dry-run.',
    )
  }
  return rows[0]?.users === true
}

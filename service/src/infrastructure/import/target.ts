import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { ImportedUsers } from '../../application/ports/imported-users.ts'
import { DatabaseClock } from '../postgres/database-clock.ts'
import type { Database } from '../postgres/database.ts'
import { migrate } from '../postgres/migrate.ts'
import { refuseUnsuitable } from '../postgres/refuse-unsuitable.ts'
import { PostgresImportedUsers } from '../postgres/postgres-imported-users.ts'
import { openForMaintenance, type MaintenanceSettings } from '../storage/open-for-maintenance.ts'
import { CannotImport } from './cannot-import.ts'
import { noUsers, DryRunUsers } from './dry-run-users.ts'

/** The database that users are imported into. */
export interface Target {
  readonly importedUsers: ImportedUsers
  readonly clock: Clock
  /** Where the database is, for messages. */
  readonly location: string
  close(): Promise<void>
}

/** Opens the database of the settings, and migrates it. A dry run writes nothing, so it does not migrate. */
export async function openTarget(settings: MaintenanceSettings, isDryRun: boolean): Promise<Target> {
  const { databaseUrl, dataDir } = settings
  const location = databaseUrl === undefined ? resolve(dataDir) : serverOf(databaseUrl)
  const isMissing = databaseUrl === undefined && !existsSync(join(location, 'postgres'))
  if (isDryRun && isMissing) return missingTarget(location)
  const { db, close } = await openForMaintenance(settings)
  try {
    return { ...(await preparedTarget(db, isDryRun)), location, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function preparedTarget(db: Database, isDryRun: boolean): Promise<Omit<Target, 'location' | 'close'>> {
  await refuseUnsuitable(db)
  const clock = new DatabaseClock(db)
  await clock.synchronise()
  const importedUsers = new PostgresImportedUsers(db)
  if (isDryRun) {
    const real = (await hasTables(db)) ? importedUsers : noUsers
    return { importedUsers: new DryRunUsers(real), clock }
  }
  await migrate(db)
  return { importedUsers, clock }
}

const serverOf = (url: string): string => {
  const { host, pathname } = new URL(url)
  return `PostgreSQL at ${host}${pathname}`
}

const missingTarget = (location: string): Target => ({
  importedUsers: new DryRunUsers(noUsers),
  clock: { now: () => new Date() },
  location,
  close: () => Promise.resolve(),
})

/** Whether the tables exist. Throws if they are those of an older version. */
async function hasTables(db: Database): Promise<boolean> {
  const { rows } = await sql<{ users: boolean; latest: boolean }>`
    select to_regclass('users') is not null as users, to_regclass('released_names') is not null as latest`.execute(
    db,
  )
  if (rows[0]?.users === true && !rows[0].latest) {
    throw new CannotImport(
      'The database has the tables of an older version. Start this version of the service once, or import without --dry-run.',
    )
  }
  return rows[0]?.users === true
}

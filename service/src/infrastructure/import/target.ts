import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { ImportedUsers } from '../../application/ports/imported-users.ts'
import { DatabaseClock } from '../postgres/database-clock.ts'
import type { Database } from '../postgres/database.ts'
import { migrate, schemaAge } from '../postgres/migrate.ts'
import { refuseUnsuitable } from '../postgres/refuse-unsuitable.ts'
import { PostgresImportedUsers } from '../postgres/postgres-imported-users.ts'
import { locationOf, openForMaintenance, type MaintenanceSettings } from '../storage/open-for-maintenance.ts'
import { CannotImport } from './cannot-import.ts'
import { DATABASE_IDENTITY } from './database-identity.ts'
import { noUsers, DryRunUsers } from './dry-run-users.ts'

/** The database that users are imported into. */
export interface Target {
  readonly importedUsers: ImportedUsers
  readonly clock: Clock
  /** Where the database is, for messages. */
  readonly location: string
  close(): Promise<void>
}

interface Options {
  readonly dryRun: boolean
  /** The database that is read (see `DATABASE_IDENTITY`), which must be another one. */
  readonly source: string | undefined
}

/** Opens the database of the settings, and migrates it. A dry run writes nothing, so it does not migrate. */
export async function openTarget(
  settings: MaintenanceSettings,
  { dryRun, source }: Options,
): Promise<Target> {
  const { location, isMissing } = locationOf(settings)
  if (dryRun && isMissing) return missingTarget(location)
  const { db, close } = await openForMaintenance(settings)
  try {
    if (settings.databaseUrl !== undefined) await refuseSource(db, source)
    return { ...(await preparedTarget(db, dryRun)), location, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function refuseSource(db: Database, source: string | undefined): Promise<void> {
  const { rows } = await sql<{ identity: string }>`${sql.raw(DATABASE_IDENTITY)}`.execute(db)
  if (rows[0]?.identity === source)
    throw new CannotImport(
      '--from is the database of DATABASE_URL, so it would be imported into itself. Correct one of them.',
    )
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

const missingTarget = (location: string): Target => ({
  importedUsers: new DryRunUsers(noUsers),
  clock: { now: () => new Date() },
  location,
  close: () => Promise.resolve(),
})

/** Whether the tables exist. Throws if they are those of an earlier version. */
async function hasTables(db: Database): Promise<boolean> {
  const age = await schemaAge(db)
  if (age === 'earlier') {
    throw new CannotImport(
      'The database has the tables of an older version. Start this version of the service once, or import without --dry-run.',
    )
  }
  return age === 'present'
}

import { sql } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { advisoryLocks } from './advisory-locks.ts'
import type { Database } from './database.ts'
import * as initial from './migrations/0001-initial.ts'

const migrations: Record<string, Migration> = {
  '0001-initial': initial,
}

/**
 * Brings the database to this version's shape, all or nothing. Instances that start together take turns. A database
 * that is ahead of this version is left alone: migrations only add, so that old and new instances run side by side.
 */
export async function migrate(db: Database): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLocks.migrations)})`.execute(trx)
    if (await isAhead(trx)) return
    const migrator = new Migrator({ db: trx, provider: { getMigrations: () => Promise.resolve(migrations) } })
    const { error } = await migrator.migrateToLatest()
    if (error !== undefined) throw error as Error
  })
}

async function isAhead(db: Database): Promise<boolean> {
  const table = await sql<{ exists: boolean }>`select to_regclass('kysely_migration') is not null as exists`.execute(db)
  if (table.rows[0]?.exists !== true) return false
  const done = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
  return done.rows.some(({ name }) => !(name in migrations))
}

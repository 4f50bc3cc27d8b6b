import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openEmbeddedDatabase } from '../embedded/embedded-database.ts'
import { connectWithoutDeadlines } from '../postgres/connect.ts'
import { openDatabase } from '../postgres/database.ts'
import type { Config } from '../settings/config.ts'

export type MaintenanceSettings = Pick<Config, 'databaseUrl' | 'dataDir'> &
  Partial<Pick<Config, 'databaseDirectUrl'>>

/** Opens the database for a command whose statements take longer than a request may take, and for which no user waits. */
export async function openForMaintenance({ databaseUrl, databaseDirectUrl, dataDir }: MaintenanceSettings) {
  if (databaseUrl === undefined) {
    const embedded = await openEmbeddedDatabase(resolve(dataDir))
    return { db: openDatabase(embedded.pool), close: () => embedded.close() }
  }
  const db = openDatabase(connectWithoutDeadlines(databaseDirectUrl ?? databaseUrl))
  return { db, close: () => db.destroy() }
}

/** Where the database is, for messages, and whether an embedded one is still to be made. */
export function locationOf({ databaseUrl, dataDir }: MaintenanceSettings) {
  if (databaseUrl !== undefined) return { location: serverOf(databaseUrl), isMissing: false }
  const location = resolve(dataDir)
  return { location, isMissing: !existsSync(join(location, 'postgres')) }
}

const serverOf = (url: string): string => {
  const { host, pathname } = new URL(url)
  return `PostgreSQL at ${host}${pathname}`
}

// An empty PostgreSQL database or an empty data folder, where no service has run yet.
import { openEmbeddedDatabase } from '../../src/infrastructure/embedded/embedded-database.ts'
import { connectWithoutDeadlines } from '../../src/infrastructure/postgres/connect.ts'
import { openDatabase, type Database } from '../../src/infrastructure/postgres/database.ts'
import { createTestDatabase } from './test-database.ts'
import { testSecret, type DatabaseName } from './test-service.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { testServiceKeys } from './service-keys.ts'

export interface EmptyStore {
  readonly settings: Record<string, string>
  readonly config: { databaseUrl: string | undefined; dataDir: string }
  readonly open: () => Promise<{ db: Database; close: () => Promise<void> }>
  remove(): Promise<void>
}

export async function createEmptyStore(database: DatabaseName): Promise<EmptyStore> {
  if (database === 'PGlite') {
    const { folder, settings, ...temporary } = await temporaryFolder()
    const open = async () => {
      const embedded = await openEmbeddedDatabase(folder)
      return { db: openDatabase(embedded.pool), close: () => embedded.close() }
    }
    return {
      settings,
      config: { databaseUrl: undefined, dataDir: folder },
      open,
      remove: () => temporary.remove(),
    }
  }
  const { url, drop } = await createTestDatabase()
  const open = () => {
    const db = openDatabase(connectWithoutDeadlines(url))
    return Promise.resolve({ db, close: () => db.destroy() })
  }
  const settings = {
    DATABASE_URL: url,
    AUTH_SECRET: testSecret,
    SERVICE_KEYS: testServiceKeys,
  }
  return { settings, config: { databaseUrl: url, dataDir: '' }, open, remove: drop }
}

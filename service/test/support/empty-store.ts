// Where nothing has been started yet: an empty database, or a data folder with nothing in it.
import { openEmbeddedDatabase } from '../../src/infrastructure/embedded/embedded-database.ts'
import { connectWithoutDeadlines } from '../../src/infrastructure/postgres/connect.ts'
import { openDatabase, type Database } from '../../src/infrastructure/postgres/database.ts'
import { createTestDatabase } from './test-database.ts'
import { temporaryFolder, testSecret, type DatabaseName } from './test-service.ts'

export interface Place {
  readonly settings: Record<string, string>
  readonly config: { databaseUrl: string | undefined; dataDir: string }
  readonly open: () => Promise<{ db: Database; close: () => Promise<void> }>
  remove(): Promise<void>
}

export async function emptyPlace(database: DatabaseName): Promise<Place> {
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
    SERVICE_KEYS: 'service-key-of-the-tests-that-is-long',
  }
  return { settings, config: { databaseUrl: url, dataDir: '' }, open, remove: drop }
}

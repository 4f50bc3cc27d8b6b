// The service as it is in production, in this process, on either database.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { readConfig } from '../../src/infrastructure/config.ts'
import { createLogger } from '../../src/infrastructure/logger.ts'
import { connectWithoutDeadlines } from '../../src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../src/infrastructure/postgres/database.ts'
import { migrate } from '../../src/infrastructure/postgres/migrate.ts'
import { startService, type Service } from '../../src/main.ts'
import { recordEmbeddedDatabase } from './opened-databases.ts'
import { ApiContract } from './api-contract.ts'
import { TestClient } from './test-client.ts'
import { TestClock } from './test-clock.ts'
import { createTestDatabase, templateDatabase } from './test-database.ts'

export const databaseNames = ['PGlite', 'PostgreSQL'] as const
export type DatabaseName = (typeof databaseNames)[number]

export interface TestService {
  readonly url: string
  readonly internalUrl: string
  readonly serviceKey: string
  readonly clock: TestClock
  readonly service: Service
  /** What was logged so far, a parsed line each. */
  readonly logs: Record<string, unknown>[]
  /** A new client at an address of its own. */
  client(address?: string): TestClient
  /** A client of the internal listener, with the service key. */
  operator(): TestClient
  stop(): Promise<void>
}

/** Settings by their names; the database's are chosen here. */
export async function startTestService(
  database: DatabaseName,
  settings: Record<string, string> = {},
): Promise<TestService> {
  const place = database === 'PGlite' ? await temporaryFolder() : await migratedDatabase()
  try {
    return await startOn(place, settings)
  } catch (error) {
    await place.remove()
    throw error
  }
}

/** Another instance on the same PostgreSQL database: give both the settings of `migratedDatabase`. */
export async function startOn(
  place: { settings: Record<string, string>; remove: () => Promise<void> },
  settings: Record<string, string> = {},
  clock = new TestClock(),
): Promise<TestService> {
  const config = readConfig({ ...commonSettings, ...place.settings, ...settings })
  const logs: Record<string, unknown>[] = []
  const logger = createLogger('debug', {
    write: (line) => logs.push(JSON.parse(line) as Record<string, unknown>),
  })
  const service = await startService(config, logger, { clock })
  await recordVersion(service)
  const url = `http://127.0.0.1:${service.port}`
  const internalUrl = `http://127.0.0.1:${service.internalPort}`
  const serviceKey = config.serviceKeys[0] ?? readFileSync(join(config.dataDir, 'service-key'), 'utf8')
  const [contract, internalContract] = await Promise.all([
    ApiContract.read(url),
    ApiContract.read(internalUrl),
  ])
  return {
    url,
    internalUrl,
    serviceKey,
    clock,
    service,
    logs,
    client: (address) => new TestClient(url, address, { contract }),
    operator: () => new TestClient(internalUrl, undefined, { contract: internalContract, token: serviceKey }),
    stop: async () => {
      await service.stop()
      await place.remove()
    },
  }
}

const commonSettings = {
  PORT: '0',
  HOST: '127.0.0.1',
  INTERNAL_PORT: '0',
  // Tests say who they are by X-Forwarded-For.
  TRUSTED_PROXIES: '127.0.0.1',
}

export const testSecret = 'a secret of the tests that is long enough'

/** Settings that name a fresh, migrated database on the run's PostgreSQL. */
export async function migratedDatabase() {
  const template = await templateDatabase('migrated', async (url) => {
    const db = openDatabase(connectWithoutDeadlines(url))
    await migrate(db)
    await db.destroy()
  })
  const { url, drop } = await createTestDatabase({ template })
  const settings = {
    DATABASE_URL: url,
    AUTH_SECRET: testSecret,
    SERVICE_KEYS: 'service-key-of-the-tests-that-is-long',
  }
  return { url, settings, remove: drop }
}

/** Settings that name a fresh data folder. */
export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-data-'))
  return {
    folder,
    settings: { DATA_DIR: folder },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** For the closing lines of the run: which databases it was really on. */
async function recordVersion({ db, place }: Service): Promise<void> {
  const { rows } = await sql<{
    version: string
  }>`select current_setting('server_version') as version`.execute(db)
  if (!place.startsWith('PostgreSQL')) recordEmbeddedDatabase(rows[0]?.version)
}

// Starts the service as in production, but in this process, on either database.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { readConfig } from '../../src/infrastructure/settings/config.ts'
import { createLogger } from '../../src/infrastructure/process/logger.ts'
import { connectWithoutDeadlines } from '../../src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../src/infrastructure/postgres/database.ts'
import { migrate } from '../../src/infrastructure/postgres/migrate.ts'
import { startService, type Service } from '../../src/main.ts'
import { recordEmbeddedDatabase } from './opened-databases.ts'
import { ApiContract } from './api-contract.ts'
import { cheapPasswordChecks, type PasswordChecks } from './password-checks.ts'
import { preparedFolder } from './prepared-folder.ts'
import { TestClient } from './test-client.ts'
import { TestClock } from './test-clock.ts'
import { createTestDatabase, templateDatabase } from './test-database.ts'
import { testServiceKeys } from './service-keys.ts'

export const databaseNames = ['PGlite', 'PostgreSQL'] as const
export type DatabaseName = (typeof databaseNames)[number]

export interface TestService {
  readonly url: string
  readonly internalUrl: string
  readonly serviceKey: string
  readonly clock: TestClock
  readonly service: Service
  /** The parsed log lines so far. */
  readonly logs: Record<string, unknown>[]
  /** A new client with its own address. */
  client(address?: string): TestClient
  /** A client of the internal listener, with the service key. */
  operator(): TestClient
  stop(): Promise<void>
}

/** `settings` are added to the settings of the database. Without `passwordChecks`, hashes are cheap. */
export async function startTestService(
  database: DatabaseName,
  settings: Record<string, string> = {},
  passwordChecks?: PasswordChecks,
): Promise<TestService> {
  const place = database === 'PGlite' ? await preparedFolder() : await migratedDatabase()
  try {
    return await startOn(place, settings, new TestClock(), passwordChecks)
  } catch (error) {
    await place.remove()
    throw error
  }
}

/** Starts an instance on this database. Several can share the settings of one `migratedDatabase`. */
export async function startOn(
  place: { settings: Record<string, string>; remove: () => Promise<void> },
  settings: Record<string, string> = {},
  clock = new TestClock(),
  passwordChecks?: PasswordChecks,
): Promise<TestService> {
  const config = readConfig({ ...commonSettings, ...place.settings, ...settings })
  const logs: Record<string, unknown>[] = []
  const logger = createLogger('debug', {
    write: (line) => logs.push(JSON.parse(line) as Record<string, unknown>),
  })
  const service = await startService(config, logger, {
    clock,
    maintenance: false,
    ...(passwordChecks ?? cheapPasswordChecks),
  })
  await recordVersion(service)
  const url = `http://127.0.0.1:${service.port}`
  const internalUrl = `http://127.0.0.1:${service.internalPort}`
  const serviceKey =
    config.serviceKeys[0]?.secret ?? readFileSync(join(config.dataDir, 'service-key'), 'utf8')
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

/** The embedded service has a mailbox only if its internal listener is on loopback. On PostgreSQL, mail is off by default. */
export const withoutMail = { INTERNAL_HOST: '0.0.0.0' }

const commonSettings = {
  PORT: '0',
  HOST: '127.0.0.1',
  INTERNAL_PORT: '0',
  // Tests set their client address with X-Forwarded-For.
  TRUSTED_PROXIES: '127.0.0.1',
  PROOF_OF_WORK_COST: '100',
}

export const testSecret = 'a secret of the tests that is long enough'

/** Creates a migrated database on the run's PostgreSQL, with the settings for it. */
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
    SERVICE_KEYS: testServiceKeys,
  }
  return { url, settings, remove: drop }
}

/** Records the database for the closing lines of the run. */
async function recordVersion({ db, location }: Service): Promise<void> {
  const { rows } = await sql<{
    version: string
  }>`select current_setting('server_version') as version`.execute(db)
  if (!location.startsWith('PostgreSQL')) recordEmbeddedDatabase(rows[0]?.version)
}

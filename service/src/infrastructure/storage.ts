import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ApplicationError } from '../application/errors.ts'
import type { Config } from './config.ts'
import { secretIn } from './data-folder-secrets.ts'
import { openEmbeddedDatabase } from './embedded/embedded-database.ts'
import { connectPool, connectWithoutDeadlines } from './postgres/connect.ts'
import { openDatabase, type Database } from './postgres/database.ts'
import { migrate } from './postgres/migrate.ts'
import { RevocationWakeUp } from './postgres/revocation-wake-up.ts'

export interface Storage {
  readonly db: Database
  /** For people: where the data is. */
  readonly place: string
  readonly authSecret: string
  readonly serviceKeys: readonly string[]
  /** Where the service key is that was made because none was configured. */
  readonly serviceKeyPath: string | undefined
  /** Calls back when another instance has news in the revocation log. An embedded database has no other instance. */
  onRevocations(wake: () => void): Promise<{ stop(): Promise<void> }>
  close(): Promise<void>
}

const START_ATTEMPTS = 30
const START_RETRY_MS = 2_000

/** Opens the configured database and brings it up to date. Waits up to a minute for a server that is still starting. */
export const openStorage = (config: Config, logger: Logger): Promise<Storage> =>
  config.databaseUrl === undefined ? openEmbedded(config) : openServer(config, config.databaseUrl, logger)

async function openEmbedded({ dataDir, authSecret, serviceKeys }: Config): Promise<Storage> {
  const place = resolve(dataDir)
  const embedded = await openEmbeddedDatabase(place)
  const db = openDatabase(embedded.pool)
  await migrate(db)
  const ownKey = serviceKeys.length === 0 ? secretIn(place, 'service-key') : undefined
  return {
    db,
    place,
    authSecret: authSecret ?? secretIn(place, 'auth-secret').value,
    serviceKeys: ownKey === undefined ? serviceKeys : [ownKey.value],
    serviceKeyPath: ownKey?.path,
    onRevocations: () => Promise.resolve({ stop: () => Promise.resolve() }),
    close: () => embedded.close(),
  }
}

async function openServer(config: Config, url: string, logger: Logger): Promise<Storage> {
  const { authSecret, serviceKeys, databasePoolSize } = config
  if (authSecret === undefined) throw new Error('the settings were read without AUTH_SECRET')
  await migrateServer(url, logger)
  const db = openDatabase(connectPool(url, databasePoolSize))
  const { host, pathname } = new URL(url)
  const place = `PostgreSQL at ${host}${pathname}`
  return {
    ...{ db, place, authSecret, serviceKeys, serviceKeyPath: undefined },
    onRevocations: async (wake) => {
      const wakeUp = new RevocationWakeUp(url, wake)
      await wakeUp.start()
      return wakeUp
    },
    close: () => db.destroy(),
  }
}

async function migrateServer(url: string, logger: Logger): Promise<void> {
  const db = openDatabase(connectWithoutDeadlines(url))
  try {
    await withPatience(() => migrate(db), logger)
  } finally {
    await db.destroy()
  }
}

async function withPatience(work: () => Promise<void>, logger: Logger, attempt = 1): Promise<void> {
  try {
    await work()
  } catch (error) {
    const isAway = error instanceof ApplicationError && error.code === 'unavailable'
    if (!isAway || attempt === START_ATTEMPTS) throw error
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    logger.warn({ event: 'database.waiting', attempt, reason })
    await delay(START_RETRY_MS)
    await withPatience(work, logger, attempt + 1)
  }
}

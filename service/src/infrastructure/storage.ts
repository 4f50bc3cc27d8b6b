import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from 'pino'
import { ApplicationError } from '../application/errors.ts'
import type { Config } from './config.ts'
import { secretIn } from './data-folder-secrets.ts'
import { openEmbeddedDatabase } from './embedded/embedded-database.ts'
import { connectPool, connectWithoutDeadlines } from './postgres/connect.ts'
import { openDatabase, type Database, type StatementObserver } from './postgres/database.ts'
import { migrate } from './postgres/migrate.ts'
import { RevocationWakeUp } from './postgres/revocation-wake-up.ts'

export interface Storage {
  readonly db: Database
  /** For the revocation feed alone: a crowd of requests that waits for connections must not make it late. */
  readonly feedDb: Database
  /** For deliveries alone: catching up with a consumer that was away must not take requests their connections. */
  readonly outboxDb: Database
  /** For people: where the data is. */
  readonly place: string
  /** The data folder of the embedded database; undefined on a server. */
  readonly folder: string | undefined
  /** The connections of `db` at this moment. */
  poolUse(): PoolUse
  readonly authSecret: string
  readonly serviceKeys: readonly string[]
  /** Where the service key is that was made because none was configured. */
  readonly serviceKeyPath: string | undefined
  /** Calls back when another instance has news in the revocation log. An embedded database has no other instance. */
  onRevocations(wake: () => void): Promise<WakeUp>
  close(): Promise<void>
}

export interface PoolUse {
  readonly isEmbedded: boolean
  readonly size: number
  readonly open: number
  readonly idle: number
  /** How many callers wait for one. */
  readonly waiting: number
}

interface WakeUp {
  /** Whether it would hear of news now; undefined where there is no other instance. */
  isListening(): Promise<boolean | undefined>
  stop(): Promise<void>
}

const noOtherInstance: WakeUp = {
  isListening: () => Promise.resolve(undefined),
  stop: () => Promise.resolve(),
}

const START_ATTEMPTS = 30
const START_RETRY_MS = 2_000

/** Opens the configured database and brings it up to date. Waits up to a minute for a server that is still starting. */
export const openStorage = (config: Config, logger: Logger, observe?: StatementObserver): Promise<Storage> =>
  config.databaseUrl === undefined
    ? openEmbedded(config, observe)
    : openServer(config, config.databaseUrl, logger, observe)

async function openEmbedded(
  { dataDir, authSecret, serviceKeys }: Config,
  observe: StatementObserver | undefined,
): Promise<Storage> {
  const place = resolve(dataDir)
  const embedded = await openEmbeddedDatabase(place)
  const db = openDatabase(embedded.pool, observe)
  await migrate(db)
  const ownKey = serviceKeys.length === 0 ? secretIn(place, 'service-key') : undefined
  return {
    db,
    feedDb: db,
    outboxDb: db,
    place,
    folder: place,
    poolUse: () => ({ isEmbedded: true, size: 1, ...countsOf(embedded.pool) }),
    authSecret: authSecret ?? secretIn(place, 'auth-secret').value,
    serviceKeys: ownKey === undefined ? serviceKeys : [ownKey.value],
    serviceKeyPath: ownKey?.path,
    onRevocations: () => Promise.resolve(noOtherInstance),
    close: () => embedded.close(),
  }
}

async function openServer(
  config: Config,
  url: string,
  logger: Logger,
  observe: StatementObserver | undefined,
): Promise<Storage> {
  const { authSecret, serviceKeys, databasePoolSize } = config
  if (authSecret === undefined) throw new Error('the settings were read without AUTH_SECRET')
  await migrateServer(url, logger)
  const pool = connectPool(url, databasePoolSize)
  const db = openDatabase(pool, observe)
  const feedDb = openDatabase(connectPool(url, 1), observe)
  const outboxDb = openDatabase(connectPool(url, 2), observe)
  const { host, pathname } = new URL(url)
  const place = `PostgreSQL at ${host}${pathname}`
  return {
    ...{ db, feedDb, outboxDb, place, authSecret, serviceKeys, serviceKeyPath: undefined, folder: undefined },
    poolUse: () => ({ isEmbedded: false, size: databasePoolSize, ...countsOf(pool) }),
    onRevocations: async (wake) => {
      const wakeUp = new RevocationWakeUp(url, wake)
      await wakeUp.start()
      return wakeUp
    },
    close: async () => {
      await Promise.all([db.destroy(), feedDb.destroy(), outboxDb.destroy()])
    },
  }
}

const countsOf = ({ totalCount: open, idleCount: idle, waitingCount: waiting }: pg.Pool) => ({
  ...{ open, idle, waiting },
})

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

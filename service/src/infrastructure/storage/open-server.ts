import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ApplicationError } from '../../application/errors.ts'
import { connectPool, connectWatchedPool, connectWithoutDeadlines } from '../postgres/connect.ts'
import { openDatabase, type StatementObserver } from '../postgres/database.ts'
import { explainRefusal } from '../postgres/explain-refusal.ts'
import { examinePooler, type Pooling } from '../postgres/examine-pooler.ts'
import { migrate } from '../postgres/migrate.ts'
import { hasOverdueStatements } from '../postgres/overdue-statements.ts'
import { refuseAnother, refuseUnsuitable } from '../postgres/refuse-unsuitable.ts'
import { RevocationWakeUp } from '../postgres/revocation-wake-up.ts'
import type { ConnectionForm } from '../postgres/session-settings.ts'
import { UnsuitableDatabase } from '../postgres/unsuitable-database.ts'
import type { Config } from '../settings/config.ts'
import { countsOf, type Storage } from './storage.ts'

const START_ATTEMPTS = 30
const START_RETRY_MS = 2_000

/**
 * Opens and migrates a PostgreSQL server. The feed and `LISTEN` do not go through a pooler if there is another way: work of
 * others in the pooler's queue must not make them late.
 */
export async function openServer(
  config: Config,
  url: string,
  logger: Logger,
  observe: StatementObserver | undefined,
): Promise<Storage> {
  const { authSecret, serviceKeys, databasePoolSize } = config
  if (authSecret === undefined) throw new Error('the settings were read without AUTH_SECRET')
  const directUrl = config.databaseDirectUrl ?? url
  const pooling = await retryUntilReachable(() => examine(config, url), logger)
  const schema = await migrateServer(directUrl, logger)
  const requests: ConnectionForm = { pooling, schema }
  const direct: ConnectionForm = { pooling: 'none', schema }
  const watcher = connectPool(directUrl, 1, direct)
  const isServerBusy = (name: string): Promise<boolean> => hasOverdueStatements(watcher, name)
  const pool = connectWatchedPool(url, databasePoolSize, requests, isServerBusy)
  const feedPool = connectWatchedPool(directUrl, 1, direct, isServerBusy)
  const outboxPool = connectWatchedPool(url, 2, requests, isServerBusy)
  const db = openDatabase(pool, observe)
  const feedDb = openDatabase(feedPool, observe)
  const outboxDb = openDatabase(outboxPool, observe)
  if (directUrl !== url) await retryUntilReachable(() => refuseAnother(db, feedDb), logger)
  const { host, pathname } = new URL(url)
  return {
    db,
    feedDb,
    outboxDb,
    location: `PostgreSQL at ${host}${pathname}`,
    folder: undefined,
    pooling,
    authSecret,
    serviceKeys,
    keyFiles: undefined,
    poolUse: () => ({ isEmbedded: false, size: databasePoolSize, ...countsOf(pool) }),
    onRevocations: async (wake) => {
      const wakeUp = new RevocationWakeUp(directUrl, wake)
      await wakeUp.start()
      return wakeUp
    },
    close: async () => {
      for (const { abandoned } of [pool, feedPool, outboxPool]) abandoned.close()
      await Promise.all([db.destroy(), feedDb.destroy(), outboxDb.destroy(), watcher.end()])
    },
  }
}

/** How `url` is pooled. Throws UnsuitableDatabase if the service cannot work like this. */
async function examine({ databaseDirectUrl }: Config, url: string): Promise<Pooling> {
  const pooling = await examinePooler(url)
  if (databaseDirectUrl === undefined) {
    if (pooling !== 'transaction') return pooling
    throw new UnsuitableDatabase(
      'DATABASE_URL leads through a pooler in transaction mode, which does not pass LISTEN on. Set DATABASE_DIRECT_URL to the address of the database without the pooler.',
    )
  }
  if ((await examinePooler(databaseDirectUrl)) === 'transaction') {
    throw new UnsuitableDatabase(
      'DATABASE_DIRECT_URL leads through a pooler in transaction mode, which does not pass LISTEN on. Set it to the address of the database without the pooler.',
    )
  }
  return pooling
}

/** Returns the schema of the tables. */
async function migrateServer(url: string, logger: Logger): Promise<string> {
  const db = openDatabase(connectWithoutDeadlines(url))
  try {
    const schema = await retryUntilReachable(() => refuseUnsuitable(db), logger)
    await retryUntilReachable(() => migrate(db), logger)
    return schema
  } finally {
    await db.destroy()
  }
}

async function retryUntilReachable<T>(work: () => Promise<T>, logger: Logger, attempt = 1): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isUnreachable = error instanceof ApplicationError && error.code === 'unavailable'
    if (!isUnreachable || !mayHeal(error.cause) || attempt === START_ATTEMPTS) throw error
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    logger.warn({ event: 'database.waiting', attempt, reason })
    await delay(START_RETRY_MS)
    return retryUntilReachable(work, logger, attempt + 1)
  }
}

const mayHeal = (cause: unknown): boolean =>
  !(cause instanceof UnsuitableDatabase) && explainRefusal(cause) === undefined

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Clock } from './application/ports/clock.ts'
import { createRevocationFeed, wakeForRevocations } from './application/revocations/revocation-feed.ts'
import { createUseCases } from './application/use-cases.ts'
import { banner } from './infrastructure/banner.ts'
import { loadEnvironment, readConfig, type Config } from './infrastructure/config.ts'
import { createDoctor } from './infrastructure/doctor/doctor.ts'
import { withFeed } from './infrastructure/feed-readiness.ts'
import { createHealth } from './infrastructure/health.ts'
import { openKeys } from './infrastructure/keys.ts'
import { openListeners } from './infrastructure/listeners.ts'
import { logEvents } from './infrastructure/log-events.ts'
import { createLogger } from './infrastructure/logger.ts'
import { openObservability } from './infrastructure/observability/observability.ts'
import { openOutbox } from './infrastructure/outgoing/open-outbox.ts'
import { createDrawnAvatars } from './infrastructure/pictures/drawn-avatars.ts'
import { DatabaseClock } from './infrastructure/postgres/database-clock.ts'
import { PostgresMedia } from './infrastructure/postgres/postgres-media.ts'
import { PostgresRevocationLog } from './infrastructure/postgres/postgres-revocation-log.ts'
import { runProcess } from './infrastructure/run-process.ts'
import { openStorage } from './infrastructure/storage.ts'
import { startUpkeep } from './infrastructure/upkeep.ts'
import { useCaseDeps } from './infrastructure/use-case-deps.ts'
import { RevocationStream } from './interface-adapters/http/revocation-stream.ts'

/** Starts everything and wires it by hand; the only place that knows everyone. */
export async function startService(config: Config, logger: Logger, replaced: { clock?: Clock } = {}) {
  const observability = await openObservability(config, logger)
  const storage = await openStorage(config, logger, observability.observeStatement)
  const { db, feedDb, serviceKeys, place } = storage
  const databaseClock = new DatabaseClock(db)
  await databaseClock.synchronise()
  const clock = replaced.clock ?? databaseClock
  const secrets = { current: storage.authSecret, previous: config.previousAuthSecrets }
  const keys = await openKeys({ config, storage, secrets, clock })
  const { tokenKeys } = keys

  const log = createRevocationFeed({ revocationLog: new PostgresRevocationLog(feedDb), clock })
  const feed = observability.observeFeed(log)
  const { outbox, deliveries } = openOutbox({ config, storage, clock, tokenKeys, logger, observability })
  const observers = [logEvents(logger), observability.observeEvents, wakeForRevocations(feed), outbox.wake]
  const chosen = { config, db, clock, secrets, tokenKeys, deliveries, observers, observability }
  const deps = await useCaseDeps(chosen)
  const { receipts, attempts } = deps
  const useCases = observability.observeUseCases(createUseCases(deps))
  const stream = new RevocationStream(feed)
  observability.observeInstance({ storage, clock, keys, stream })

  let hasBegunToStop = false
  const isDraining = () => hasBegunToStop
  const health = withFeed(
    createHealth({ db, canSign: keys.canSign, isDraining }),
    observability.feedStaleness,
  )
  const upkeep = startUpkeep({
    ...{ db, clock, logger, attempts, outbox, rotateKeys: keys.rotate },
    synchroniseClock: () => databaseClock.synchronise(),
    flushReceipts: () => receipts.flush(),
    beatFeed: () => stream.beat(),
    expireSessions: useCases.expireSessions,
  })
  await feed.catchUp()
  const wakeUp = await storage.onRevocations(feed.wake)
  const doctor = createDoctor({
    ...{ config, storage, clock, tokenKeys, feed },
    readerCount: () => stream.readerCount,
    isListening: () => wakeUp.isListening(),
    listKeys: keys.list,
  })
  const media = { media: new PostgresMedia(db), drawAvatar: createDrawnAvatars() }
  const listeners = await openListeners({
    ...{ config, useCases, health, isDraining, keys, doctor, media, serviceKeys, stream, logger },
    observability,
  })
  const { port, internalPort } = listeners
  logger.info({ event: 'service.started', port, internal_port: internalPort, data: place })

  return {
    ...{ db, port, internalPort, useCases, receipts, outbox, stream, rotateKeys: keys.rotate, place },
    banner: banner(config, storage, port, internalPort),
    /** Goes on answering for a while, and says to load balancers that it will not for long. */
    drain: async (): Promise<void> => {
      hasBegunToStop = true
      await delay(config.shutdownDelaySeconds * 1_000)
    },
    /** Answers what is under way, writes what is still noted, and lets go of the database. */
    stop: async (): Promise<void> => {
      hasBegunToStop = true
      await Promise.all([listeners.close(), outbox.stop()])
      await Promise.all([upkeep.stop(), wakeUp.stop()])
      // Once more: what the last requests wrote may be on its way to its consumers.
      await outbox.stop()
      // Ends that were answered a moment ago become known everywhere, and nothing is reading when the database closes.
      await feed.catchUp().catch((error: unknown) => logger.warn({ event: 'feed.late', err: error }))
      await receipts.flush().catch((error: unknown) => logger.warn({ event: 'receipts.lost', err: error }))
      await observability.stop()
      await storage.close()
    },
  }
}

export type Service = Awaited<ReturnType<typeof startService>>

if (import.meta.main) {
  await runProcess(async () => {
    const config = readConfig(loadEnvironment())
    return startService(config, createLogger(config.logLevel))
  })
}

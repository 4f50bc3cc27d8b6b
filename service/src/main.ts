// First, so that an older Node.js that reads TypeScript gets one line instead of a failure, or of nothing.
import '../bin/check-node.js'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createOutbox } from './application/outbox/outbox.ts'
import type { Clock } from './application/ports/clock.ts'
import { wakeForRevocations } from './application/revocations/revocation-feed.ts'
import { createUseCases } from './application/use-cases.ts'
import { ObservedTransactions } from './infrastructure/observability/observed-transactions.ts'
import { DatabaseClock } from './infrastructure/postgres/database-clock.ts'
import { PostgresSigningKeys } from './infrastructure/postgres/postgres-signing-keys.ts'
import { banner } from './infrastructure/process/banner.ts'
import { createLogger } from './infrastructure/process/logger.ts'
import { readOptions } from './infrastructure/process/options.ts'
import { runProcess } from './infrastructure/process/run-process.ts'
import { readConfig, type Config } from './infrastructure/settings/config.ts'
import { loadEnvironment } from './infrastructure/settings/environment.ts'
import { exposedSecrets } from './infrastructure/settings/exposed-secrets.ts'
import { openStorage } from './infrastructure/storage/open-storage.ts'
import { RevocationStream } from './interface-adapters/http/internal/revocation-stream.ts'
import { startBackgroundTasks } from './wiring/background-tasks.ts'
import { openMail } from './wiring/mail.ts'
import { openHttpListeners } from './wiring/http-listeners.ts'
import { openObservability } from './wiring/observability.ts'
import { buildPorts, type PasswordChecks } from './wiring/ports.ts'
import { warnOfUnreadableKeys } from './wiring/warn-of-unreadable-keys.ts'

const MAIL_IS_OFF =
  'mail is off, so nobody can reset a forgotten password or verify an address; set SMTP_URL and MAIL_FROM'

/** Time for the mails in flight on shutdown; listeners have as long for their requests. */
const MAIL_STOP_LIMIT_MS = 5_000

export interface Overrides extends Partial<PasswordChecks> {
  readonly clock?: Clock
  /** Gives up the signing keys of the database, for example because AUTH_SECRET is lost. */
  readonly newSigningKeys?: boolean
  /** False: nothing is cleaned up, and no key is rotated, without a call. A slow test then loses no row that it counts. */
  readonly maintenance?: boolean
}

/** Builds one instance of the service by hand and starts it. Tests bring a clock and cheap password checks. */
export async function startService(config: Config, logger: Logger, overrides: Overrides = {}) {
  const mail = await openMail(config)
  const observability = await openObservability(config, logger)
  const { hooks } = observability
  const storage = await openStorage(config, logger, hooks.statement)
  const databaseClock = new DatabaseClock(storage.db)
  await databaseClock.synchronise()
  const clock = overrides.clock ?? databaseClock
  if (overrides.newSigningKeys === true) await new PostgresSigningKeys(storage.db).removeAll(clock.now())
  const ports = observability.observe(await buildPorts({ config, storage, mail, clock, hooks }, overrides))
  const { feed, deliveries, consumers, signingKeys, receipts, refusals } = ports
  await warnOfUnreadableKeys(signingKeys, logger)
  const outbox = createOutbox({ deliveries, consumers, clock, report: hooks.delivery, chance: Math.random })
  const transactions = new ObservedTransactions(ports.transactions, [wakeForRevocations(feed), outbox.wake])
  const { feedStalenessSeconds } = observability
  const useCases = observability.observeUseCases(
    createUseCases({ ...ports, transactions, feedStalenessSeconds }),
  )
  const stream = observability.observeStream(new RevocationStream(feed))
  await feed.catchUp()
  const wakeUp = await storage.onRevocations(feed.wake)
  let isStopping = false
  const isDraining = () => isStopping
  const served = { config, ports, useCases, outbox, stream, wakeUp, isDraining, logger, observability }
  const listeners = await openHttpListeners(served)
  const { port, internalPort } = listeners
  const { maintenance = true } = overrides
  const background = { ports, databaseClock, outbox, stream, useCases, maintenance, logger }
  const backgroundTasks = startBackgroundTasks(background)
  logger.info({ event: 'service.started', port, internal_port: internalPort, data: storage.location })

  return {
    db: storage.db,
    location: storage.location,
    port,
    internalPort,
    useCases,
    receipts,
    refusals,
    outbox,
    stream,
    rotateKeys: signingKeys.rotate,
    banner: banner(config, storage, port, internalPort),
    /** Keeps serving for SHUTDOWN_DELAY, and reports "not ready" to load balancers meanwhile. */
    drain: async (): Promise<void> => {
      isStopping = true
      await delay(config.shutdownDelaySeconds * 1_000)
    },
    /** Finishes the in-flight requests, writes what is still buffered, and closes the database. */
    stop: async (): Promise<void> => {
      isStopping = true
      // A mail server that hangs must not keep the process from ending. Its mails are sent by another instance, or later.
      const cutOff = setTimeout(() => mail?.mailer.close(), MAIL_STOP_LIMIT_MS)
      await Promise.all([listeners.close(), outbox.stop()])
      await Promise.all([backgroundTasks.stop(), wakeUp.stop()])
      // Once more: the last requests may have woken the outbox after its first stop.
      await outbox.stop()
      clearTimeout(cutOff)
      mail?.mailer.close()
      // The last committed ends get their numbers in the log, so that other instances learn of them.
      await feed.catchUp().catch((error: unknown) => logger.warn({ event: 'feed.late', err: error }))
      await receipts.flush().catch((error: unknown) => logger.warn({ event: 'receipts.lost', err: error }))
      await refusals.flush().catch((error: unknown) => logger.warn({ event: 'refusals.lost', err: error }))
      await observability.stop()
      await storage.close()
    },
  }
}

export type Service = Awaited<ReturnType<typeof startService>>

if (import.meta.main) {
  await runProcess(async () => {
    const options = readOptions(process.argv.slice(2))
    const { environment, warnings } = loadEnvironment()
    const config = readConfig(environment)
    const logger = createLogger(config.logLevel)
    const exposed = exposedSecrets(config).map(([detail, advice]) => `${detail}. ${advice}`)
    for (const msg of [...warnings, ...exposed]) logger.warn({ event: 'settings.warning', msg })
    if (config.mail.kind === 'off') logger.warn({ event: 'mail.off', msg: MAIL_IS_OFF })
    return startService(config, logger, options)
  })
}

import type { Logger } from 'pino'
import { listSigningKeys } from './application/keys/list-signing-keys.ts'
import { replaceSigningKey } from './application/keys/replace-signing-key.ts'
import { rotateSigningKeys } from './application/keys/rotate-signing-keys.ts'
import type { Clock } from './application/ports/clock.ts'
import { createOutbox } from './application/outbox/outbox.ts'
import { createRevocationFeed } from './application/revocations/revocation-feed.ts'
import { createReceiptBuffer } from './application/sessions/receipt-buffer.ts'
import { createUseCases } from './application/use-cases.ts'
import { banner } from './infrastructure/banner.ts'
import { loadEnvironment, readConfig, type Config } from './infrastructure/config.ts'
import { Argon2PasswordHasher } from './infrastructure/crypto/argon2-password-hasher.ts'
import { HmacRefreshTokens } from './infrastructure/crypto/hmac-refresh-tokens.ts'
import { JwtAccessTokens } from './infrastructure/crypto/jwt-access-tokens.ts'
import { createTokenKeys } from './infrastructure/crypto/token-keys.ts'
import { UuidSessionIds } from './infrastructure/crypto/uuid-session-ids.ts'
import { ZxcvbnPasswordStrength } from './infrastructure/crypto/zxcvbn-password-strength.ts'
import { createDoctor } from './infrastructure/doctor/doctor.ts'
import { createHealth } from './infrastructure/health.ts'
import { openListeners } from './infrastructure/listeners.ts'
import { logEvents } from './infrastructure/log-events.ts'
import { createLogger } from './infrastructure/logger.ts'
import { ObservedTransactions } from './infrastructure/observed-transactions.ts'
import { createConsumers } from './infrastructure/outgoing/consumers.ts'
import { logDeliveries } from './infrastructure/outgoing/log-deliveries.ts'
import { DatabaseClock } from './infrastructure/postgres/database-clock.ts'
import { PostgresAttemptLimits } from './infrastructure/postgres/postgres-attempt-limits.ts'
import { PostgresDeliveries } from './infrastructure/postgres/postgres-deliveries.ts'
import { PostgresMedia } from './infrastructure/postgres/postgres-media.ts'
import { PostgresEvents } from './infrastructure/postgres/postgres-events.ts'
import { PostgresRevocationLog } from './infrastructure/postgres/postgres-revocation-log.ts'
import { PostgresSessions } from './infrastructure/postgres/postgres-sessions.ts'
import { PostgresSigningKeys } from './infrastructure/postgres/postgres-signing-keys.ts'
import { PostgresTickets } from './infrastructure/postgres/postgres-tickets.ts'
import { PostgresTransactions } from './infrastructure/postgres/postgres-transactions.ts'
import { PostgresUsers } from './infrastructure/postgres/postgres-users.ts'
import { createDrawnAvatars } from './infrastructure/pictures/drawn-avatars.ts'
import { SharpPictures } from './infrastructure/pictures/sharp-pictures.ts'
import { runProcess } from './infrastructure/run-process.ts'
import { openStorage } from './infrastructure/storage.ts'
import { startUpkeep } from './infrastructure/upkeep.ts'
import { RevocationStream } from './interface-adapters/http/revocation-stream.ts'

/** Starts everything and wires it by hand; the only place that knows everyone. */
export async function startService(config: Config, logger: Logger, replaced: { clock?: Clock } = {}) {
  const storage = await openStorage(config, logger)
  const { db } = storage
  const databaseClock = new DatabaseClock(db)
  await databaseClock.synchronise()
  const clock = replaced.clock ?? databaseClock

  const secrets = { current: storage.authSecret, previous: config.previousAuthSecrets }
  const { tokenKeys, rotation } = createTokenKeys(config, secrets)
  const signing = rotation && { ...rotation, signingKeys: new PostgresSigningKeys(db), clock }
  const rotateKeys = signing ? rotateSigningKeys(signing) : () => Promise.resolve()
  await rotateKeys()

  const sessions = new PostgresSessions(db)
  const receipts = createReceiptBuffer(sessions)
  const attempts = new PostgresAttemptLimits(db)
  const feed = createRevocationFeed({ revocationLog: new PostgresRevocationLog(storage.feedDb), clock })
  const users = new PostgresUsers(db)
  const deliveries = new PostgresDeliveries(storage.outboxDb)
  const consumers = createConsumers(config, { users, tokenKeys })
  const tell = logDeliveries(logger)
  const outbox = createOutbox({ deliveries, consumers, clock, tell, chance: Math.random })
  const observers = [logEvents(logger), feed.wake, outbox.wake]
  const useCases = createUseCases({
    sessions,
    receipts,
    attempts,
    clock,
    users,
    deliveries,
    events: new PostgresEvents(db),
    tickets: new PostgresTickets(db),
    transactions: new ObservedTransactions(new PostgresTransactions(db), observers),
    passwords: new Argon2PasswordHasher(),
    passwordStrength: await ZxcvbnPasswordStrength.load(),
    pictures: new SharpPictures(),
    accessTokens: new JwtAccessTokens(tokenKeys, {
      issuer: config.tokenIssuer,
      audience: config.tokenAudience,
      ttlSeconds: config.accessTokenTtlSeconds,
    }),
    refreshTokens: new HmacRefreshTokens(secrets),
    sessionIds: new UuidSessionIds(),
    sessionLimits: { idleSeconds: config.sessionIdleTtlSeconds, absoluteSeconds: config.sessionTtlSeconds },
    reusePolicy: { windowSeconds: config.refreshReuseWindowSeconds, lostAnswer: config.lostAnswer },
    maximumSessionsPerUser: config.maximumSessionsPerUser,
    accessTokenTtlSeconds: config.accessTokenTtlSeconds,
    passwordMinimumLength: config.passwordMinimumLength,
  })

  let isDraining = false
  const canSign = () => tokenKeys.signingKey(clock.now()) !== undefined
  const health = createHealth({ db, canSign, isDraining: () => isDraining })
  const keys = {
    algorithm: config.tokenAlgorithm,
    jwks: () => tokenKeys.jwks(clock.now()),
    list: listSigningKeys(signing),
    replace: replaceSigningKey(signing),
  }
  const stream = new RevocationStream(feed)
  const upkeep = startUpkeep({
    ...{ db, clock, logger, attempts, rotateKeys },
    synchroniseClock: () => databaseClock.synchronise(),
    flushReceipts: () => receipts.flush(),
    beatFeed: () => stream.beat(),
    outbox,
    expireSessions: useCases.expireSessions,
  })
  await feed.catchUp()
  const wakeUp = await storage.onRevocations(feed.wake)
  const { serviceKeys } = storage
  const doctor = createDoctor({
    ...{ config, storage, clock, tokenKeys, feed },
    readerCount: () => stream.readerCount,
    isListening: () => wakeUp.isListening(),
    listKeys: keys.list,
  })
  const media = { media: new PostgresMedia(db), drawAvatar: createDrawnAvatars() }
  const listeners = await openListeners({
    config,
    useCases,
    health,
    keys,
    doctor,
    media,
    serviceKeys,
    stream,
    logger,
  })
  const { port, internalPort } = listeners
  logger.info({ event: 'service.started', port, internal_port: internalPort, data: storage.place })

  return {
    ...{ db, port, internalPort, useCases, receipts, outbox, stream, rotateKeys, place: storage.place },
    banner: banner(config, storage, port, internalPort),
    /** Answers what is under way, writes what is still noted, and lets go of the database. */
    stop: async (): Promise<void> => {
      isDraining = true
      await Promise.all([listeners.close(), outbox.stop()])
      await Promise.all([upkeep.stop(), wakeUp.stop()])
      // Once more: what the last requests wrote may be on its way to its consumers.
      await outbox.stop()
      // Ends that were answered a moment ago become known everywhere, and nothing is reading when the database closes.
      await feed.catchUp().catch((error: unknown) => logger.warn({ event: 'feed.late', err: error }))
      await receipts.flush().catch((error: unknown) => logger.warn({ event: 'receipts.lost', err: error }))
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

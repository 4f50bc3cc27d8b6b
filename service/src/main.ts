import type { Logger } from 'pino'
import { rotateSigningKeys } from './application/keys/rotate-signing-keys.ts'
import type { Clock } from './application/ports/clock.ts'
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
import { createHealth } from './infrastructure/health.ts'
import { openListeners } from './infrastructure/listeners.ts'
import { logEvents } from './infrastructure/log-events.ts'
import { createLogger } from './infrastructure/logger.ts'
import { ObservedTransactions } from './infrastructure/observed-transactions.ts'
import { DatabaseClock } from './infrastructure/postgres/database-clock.ts'
import { PostgresAttemptLimits } from './infrastructure/postgres/postgres-attempt-limits.ts'
import { PostgresRevocationLog } from './infrastructure/postgres/postgres-revocation-log.ts'
import { PostgresSessions } from './infrastructure/postgres/postgres-sessions.ts'
import { PostgresSigningKeys } from './infrastructure/postgres/postgres-signing-keys.ts'
import { PostgresTickets } from './infrastructure/postgres/postgres-tickets.ts'
import { PostgresTransactions } from './infrastructure/postgres/postgres-transactions.ts'
import { PostgresUsers } from './infrastructure/postgres/postgres-users.ts'
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
  const rotateKeys = rotation
    ? rotateSigningKeys({ ...rotation, signingKeys: new PostgresSigningKeys(db), clock })
    : () => Promise.resolve()
  await rotateKeys()

  const sessions = new PostgresSessions(db)
  const receipts = createReceiptBuffer(sessions)
  const attempts = new PostgresAttemptLimits(db)
  const feed = createRevocationFeed({ revocationLog: new PostgresRevocationLog(db), clock })
  const useCases = createUseCases({
    sessions,
    receipts,
    attempts,
    clock,
    users: new PostgresUsers(db),
    tickets: new PostgresTickets(db),
    transactions: new ObservedTransactions(new PostgresTransactions(db), [logEvents(logger), feed.wake]),
    passwords: new Argon2PasswordHasher(),
    passwordStrength: await ZxcvbnPasswordStrength.load(),
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
  const keys = { jwks: () => tokenKeys.jwks(clock.now()) }
  const stream = new RevocationStream(feed)
  const upkeep = startUpkeep({
    ...{ db, clock, logger, attempts, rotateKeys },
    synchroniseClock: () => databaseClock.synchronise(),
    flushReceipts: () => receipts.flush(),
    beatFeed: () => stream.beat(),
    expireSessions: useCases.expireSessions,
  })
  await feed.catchUp()
  const wakeUp = await storage.onRevocations(feed.wake)
  const { serviceKeys } = storage
  const listeners = await openListeners({ config, useCases, health, keys, serviceKeys, stream, logger })
  const { port, internalPort } = listeners
  logger.info({ event: 'service.started', port, internal_port: internalPort, data: storage.place })

  return {
    ...{ db, port, internalPort, useCases, receipts, stream, rotateKeys, place: storage.place },
    banner: banner(config, storage, port, internalPort),
    /** Answers what is under way, writes what is still noted, and lets go of the database. */
    stop: async (): Promise<void> => {
      isDraining = true
      await listeners.close()
      await Promise.all([upkeep.stop(), wakeUp.stop()])
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

import type { Logger } from 'pino'
import { rotateSigningKeys } from './application/keys/rotate-signing-keys.ts'
import type { Clock } from './application/ports/clock.ts'
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
import { createInternalListener, createPublicListener, listen } from './infrastructure/listeners.ts'
import { LoggedTransactions } from './infrastructure/logged-transactions.ts'
import { createLogger } from './infrastructure/logger.ts'
import { DatabaseClock } from './infrastructure/postgres/database-clock.ts'
import { PostgresAttemptLimits } from './infrastructure/postgres/postgres-attempt-limits.ts'
import { PostgresSessions } from './infrastructure/postgres/postgres-sessions.ts'
import { PostgresSigningKeys } from './infrastructure/postgres/postgres-signing-keys.ts'
import { PostgresTransactions } from './infrastructure/postgres/postgres-transactions.ts'
import { PostgresUsers } from './infrastructure/postgres/postgres-users.ts'
import { runProcess } from './infrastructure/run-process.ts'
import { openStorage } from './infrastructure/storage.ts'
import { startUpkeep } from './infrastructure/upkeep.ts'

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
  const useCases = createUseCases({
    sessions,
    receipts,
    attempts,
    clock,
    users: new PostgresUsers(db),
    transactions: new LoggedTransactions(new PostgresTransactions(db), logger),
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
  const listenerDeps = { config, useCases, health, keys, serviceKeys: storage.serviceKeys, logger }
  const publicListener = await createPublicListener(listenerDeps)
  const internalListener = await createInternalListener(listenerDeps)
  const upkeep = startUpkeep({
    ...{ db, clock, logger, attempts, rotateKeys },
    synchroniseClock: () => databaseClock.synchronise(),
    flushReceipts: () => receipts.flush(),
    expireSessions: useCases.expireSessions,
  })
  const internalPort = await listen(internalListener, config.internalHost, config.internalPort)
  const port = await listen(publicListener, config.host, config.port)

  return {
    ...{ db, port, internalPort, useCases, receipts, rotateKeys, place: storage.place },
    banner: banner(config, storage, port, internalPort),
    /** Answers what is under way, writes what is still noted, and lets go of the database. */
    stop: async (): Promise<void> => {
      isDraining = true
      await Promise.all([publicListener.close(), internalListener.close(), upkeep.stop()])
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

import type { Clock } from '../application/ports/clock.ts'
import type { Deliveries } from '../application/ports/deliveries.ts'
import { createReceiptBuffer } from '../application/sessions/receipt-buffer.ts'
import type { UseCaseDeps } from '../application/use-cases.ts'
import type { DomainEvent } from '../domain/event.ts'
import type { Config } from './config.ts'
import { Argon2PasswordHasher } from './crypto/argon2-password-hasher.ts'
import { HmacRefreshTokens } from './crypto/hmac-refresh-tokens.ts'
import { JwtAccessTokens } from './crypto/jwt-access-tokens.ts'
import type { TokenKeys } from './crypto/key-ring.ts'
import type { Secrets } from './crypto/secrets.ts'
import { UuidSessionIds } from './crypto/uuid-session-ids.ts'
import { ZxcvbnPasswordStrength } from './crypto/zxcvbn-password-strength.ts'
import type { Observability } from './observability/observability.ts'
import { ObservedTransactions } from './observed-transactions.ts'
import { SharpPictures } from './pictures/sharp-pictures.ts'
import type { Database } from './postgres/database.ts'
import { PostgresAttemptLimits } from './postgres/postgres-attempt-limits.ts'
import { PostgresEvents } from './postgres/postgres-events.ts'
import { PostgresSessions } from './postgres/postgres-sessions.ts'
import { PostgresTickets } from './postgres/postgres-tickets.ts'
import { PostgresTransactions } from './postgres/postgres-transactions.ts'
import { PostgresUsers } from './postgres/postgres-users.ts'

interface Chosen {
  readonly config: Config
  readonly db: Database
  readonly clock: Clock
  readonly secrets: Secrets
  readonly tokenKeys: TokenKeys
  readonly deliveries: Deliveries
  readonly observability: Observability
  /** Told of what happened to people and sessions once it is durable, in this order. */
  readonly observers: readonly ((events: readonly DomainEvent[]) => void)[]
}

/** An adapter for every port of the use cases, and the rules that the settings choose. */
export async function useCaseDeps(chosen: Chosen): Promise<UseCaseDeps> {
  const { config, db, clock, secrets, tokenKeys, deliveries, observability, observers } = chosen
  const sessions = new PostgresSessions(db, observability.observeBatch)
  return {
    sessions,
    receipts: observability.observeReceipts(createReceiptBuffer(sessions)),
    attempts: new PostgresAttemptLimits(db),
    clock,
    users: new PostgresUsers(db),
    deliveries,
    events: new PostgresEvents(db),
    tickets: new PostgresTickets(db),
    transactions: new ObservedTransactions(new PostgresTransactions(db), observers),
    passwords: observability.observeHashing((observe) => new Argon2PasswordHasher({ observe })),
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
  }
}

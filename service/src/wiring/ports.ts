import type { EventConsumer } from '../application/ports/event-consumer.ts'
import { createRefusalBuffer, type RefusalBuffer } from '../application/audit/refusal-buffer.ts'
import { createRevocationFeed, type RevocationFeed } from '../application/revocations/revocation-feed.ts'
import type { Clock } from '../application/ports/clock.ts'
import type { PasswordStrength } from '../application/ports/password-strength.ts'
import { createReceiptBuffer } from '../application/sessions/receipt-buffer.ts'
import type { UseCaseDeps } from '../application/use-cases.ts'
import { reserveUsernames } from '../domain/reserved-usernames.ts'
import { currentOrigin } from '../infrastructure/context/request-origin.ts'
import { Argon2PasswordHasher, type Argon2Options } from '../infrastructure/crypto/argon2-password-hasher.ts'
import type { SlotObserver } from '../infrastructure/crypto/bounded-slots.ts'
import { HmacReceiptProofs } from '../infrastructure/crypto/hmac-receipt-proofs.ts'
import { AltchaProofOfWork } from '../infrastructure/crypto/altcha-proof-of-work.ts'
import { HmacMailLinks } from '../infrastructure/crypto/hmac-mail-links.ts'
import { HmacRefreshTokens } from '../infrastructure/crypto/hmac-refresh-tokens.ts'
import { JwtAccessTokens } from '../infrastructure/crypto/jwt-access-tokens.ts'
import { OtpauthTotpSecrets } from '../infrastructure/crypto/otpauth-totp-secrets.ts'
import { RandomRecoveryCodes } from '../infrastructure/crypto/random-recovery-codes.ts'
import { SealedSignInChallenges } from '../infrastructure/crypto/sealed-sign-in-challenges.ts'
import { UuidSessionIds } from '../infrastructure/crypto/uuid-session-ids.ts'
import { ZxcvbnPasswordStrength } from '../infrastructure/crypto/zxcvbn-password-strength.ts'
import { MailConsumer } from '../infrastructure/mail/mail-consumer.ts'
import type { LoadedHasher } from '../infrastructure/observability/hashing-metrics.ts'
import { SharpPictures } from '../infrastructure/pictures/sharp-pictures.ts'
import { PostgresAttemptLimits } from '../infrastructure/postgres/postgres-attempt-limits.ts'
import { PostgresAuditLog } from '../infrastructure/postgres/postgres-audit-log.ts'
import { PostgresDeliveries } from '../infrastructure/postgres/postgres-deliveries.ts'
import { PostgresEmailChanges } from '../infrastructure/postgres/postgres-email-changes.ts'
import { PostgresEvents } from '../infrastructure/postgres/postgres-events.ts'
import { PostgresFactors } from '../infrastructure/postgres/postgres-factors.ts'
import { PostgresInvitations } from '../infrastructure/postgres/postgres-invitations.ts'
import { PostgresPasswordResetRequests } from '../infrastructure/postgres/postgres-password-reset-requests.ts'
import { PostgresRevocationLog } from '../infrastructure/postgres/postgres-revocation-log.ts'
import { PostgresSessions } from '../infrastructure/postgres/postgres-sessions.ts'
import { PostgresSpentProofs } from '../infrastructure/postgres/postgres-spent-proofs.ts'
import { PostgresTickets } from '../infrastructure/postgres/postgres-tickets.ts'
import { PostgresTransactions } from '../infrastructure/postgres/postgres-transactions.ts'
import { PostgresUsers } from '../infrastructure/postgres/postgres-users.ts'
import { MemoryRequestLimits } from '../infrastructure/process/memory-request-limits.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import type { Storage } from '../infrastructure/storage/storage.ts'
import { createConsumers } from './consumers.ts'
import type { OpenMail } from './mail.ts'
import type { MeasurementHooks } from './measurement-hooks.ts'
import { openSigningKeys, type OpenSigningKeys } from './signing-keys.ts'

/** The adapters of one instance and the rules that its settings set. Observability decorates them and keeps this type. */
export interface Ports extends Omit<UseCaseDeps, 'feedStalenessSeconds'> {
  readonly storage: Storage
  readonly passwords: LoadedHasher
  readonly signingKeys: OpenSigningKeys
  readonly refusals: RefusalBuffer
  readonly auditRetentionSeconds: number
  readonly consumers: readonly EventConsumer[]
  /** Undefined if mail is off. */
  readonly mail: OpenMail | undefined
  readonly feed: RevocationFeed
}

interface Foundations {
  readonly config: Config
  readonly storage: Storage
  readonly mail: OpenMail | undefined
  readonly clock: Clock
  readonly hooks: Pick<MeasurementHooks, 'refreshBatch' | 'hashing' | 'scoring'>
}

/** The expensive parts of checking a password. Tests about something else replace them. */
export interface PasswordChecks {
  readonly hashing: Omit<Argon2Options, 'observe'>
  readonly passwordStrength: PasswordStrength
}

/** Builds an adapter for every port. Nothing is observed yet, apart from the hooks. */
export async function buildPorts(
  { config, storage, mail, clock, hooks }: Foundations,
  { hashing, passwordStrength }: Partial<PasswordChecks> = {},
): Promise<Ports> {
  const { db, feedDb, outboxDb } = storage
  const secrets = { current: storage.authSecret, previous: config.previousAuthSecrets }
  const signingKeys = await openSigningKeys({ config, storage, secrets, clock })
  const { tokenKeys } = signingKeys
  const sessions = new PostgresSessions(db, hooks.refreshBatch)
  const users = new PostgresUsers(db)
  const auditLog = new PostgresAuditLog(db)
  const receiptProofs = new HmacReceiptProofs(secrets)
  const attempts = new PostgresAttemptLimits(db)
  const emailChanges = new PostgresEmailChanges(db)
  const mailLinks = new HmacMailLinks(secrets)
  const { publicUrl } = config
  const mailDeps = { users, sessions, emailChanges, attempts, links: mailLinks, publicUrl }
  const mailConsumers = mail === undefined ? [] : [new MailConsumer({ ...mailDeps, ...mail })]
  return {
    ...rulesOf(config),
    storage,
    clock,
    sessions,
    users,
    signingKeys,
    receipts: createReceiptBuffer(sessions),
    receiptProofs,
    attempts,
    auditLog,
    refusals: createRefusalBuffer({ auditLog, clock, origin: currentOrigin }),
    requestLimits: new MemoryRequestLimits(),
    proofOfWork: new AltchaProofOfWork(secrets, config.proofOfWorkCost),
    spentProofs: new PostgresSpentProofs(db),
    events: new PostgresEvents(db),
    invitations: new PostgresInvitations(db),
    emailChanges,
    passwordResetRequests: new PostgresPasswordResetRequests(db),
    factors: new PostgresFactors(db),
    totpSecrets: new OtpauthTotpSecrets(secrets, config.brandName),
    recoveryCodes: new RandomRecoveryCodes(),
    signInChallenges: new SealedSignInChallenges(secrets),
    tickets: new PostgresTickets(db),
    transactions: new PostgresTransactions(db),
    deliveries: new PostgresDeliveries(outboxDb),
    consumers: [...createConsumers(config, { users, tokenKeys }), ...mailConsumers],
    feed: createRevocationFeed({ revocationLog: new PostgresRevocationLog(feedDb), clock }),
    passwords: new Argon2PasswordHasher({ ...hashing, observe: hooks.hashing }),
    passwordStrength: passwordStrength ?? (await loadPasswordStrength(config, hooks.scoring)),
    pictures: new SharpPictures(),
    accessTokens: new JwtAccessTokens(tokenKeys, receiptProofs, {
      issuer: config.tokenIssuer,
      audience: config.tokenAudience,
      ttlSeconds: config.accessTokenTtlSeconds,
    }),
    refreshTokens: new HmacRefreshTokens(secrets),
    mailLinks,
    mail,
    sessionIds: new UuidSessionIds(),
  }
}

async function loadPasswordStrength(
  { brandName, publicUrl }: Config,
  observe: SlotObserver,
): Promise<PasswordStrength> {
  const serviceNames = [brandName, new URL(publicUrl).hostname]
  const strength = new ZxcvbnPasswordStrength({ serviceNames, observe })
  await strength.load()
  return strength
}

const rulesOf = (config: Config) => ({
  sessionLimits: { idleSeconds: config.sessionIdleTtlSeconds, absoluteSeconds: config.sessionTtlSeconds },
  reusePolicy: { windowSeconds: config.refreshReuseWindowSeconds, lostResponse: config.lostResponse },
  maximumSessionsPerUser: config.maximumSessionsPerUser,
  accessTokenTtlSeconds: config.accessTokenTtlSeconds,
  recentAuthenticationTtlSeconds: config.recentAuthenticationTtlSeconds,
  auditRetentionSeconds: config.auditRetentionSeconds,
  passwordMinimumLength: config.passwordMinimumLength,
  registration: config.registration,
  mailIsOn: config.mail.kind !== 'off',
  registrationsPerNetwork: config.registrationsPerNetwork,
  reservedUsernames: reserveUsernames(config.reservedUsernames),
})

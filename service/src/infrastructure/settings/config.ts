import { LONGEST_ACCESS_TOKEN_TTL_SECONDS, SIGNING_ALGORITHMS } from '../../domain/signing-key.ts'
import { readBrand } from './brand.ts'
import { readConsumers } from './consumer-settings.ts'
import { readDatabaseUrl } from './database-url.ts'
import { isLoopback } from './loopback.ts'
import { readMail } from './mail-settings.ts'
import { readReservedUsernames } from './reserved-usernames.ts'
import { readOtlp } from './otlp-settings.ts'
import { weaknessOf } from './secret-strength.ts'
import { readServiceKeys } from './service-keys.ts'
import { MAKE_A_SECRET, SettingsReader, type Environment } from './settings-reader.ts'
import { isAddressOrRange, TRUSTED_PROXIES_WANTED } from './trusted-proxies.ts'

export type Config = ReturnType<typeof readConfig>

/** Stood in .env.example, so everybody knows it. It may only protect what nobody else can reach. */
const PUBLIC_EXAMPLE = 'for-trying-on-localhost-only-never-deploy-this'

const TOKEN_ALGORITHMS = [...SIGNING_ALGORITHMS, 'HS256'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Reads every setting. Throws one SettingsError that names all settings that are missing or wrong. */
export function readConfig(environment: Environment) {
  const settings = new SettingsReader(environment)
  const databaseUrl = readDatabaseUrl(settings, 'DATABASE_URL')
  const databaseDirectUrl = readDatabaseUrl(settings, 'DATABASE_DIRECT_URL')
  if (databaseUrl === undefined && databaseDirectUrl !== undefined) {
    settings.refuse('DATABASE_DIRECT_URL', 'is only for a pooler at DATABASE_URL; set both, or leave it out')
  }
  const publicUrl = readPublicUrl(settings)
  const internalHost = settings.text('INTERNAL_HOST') ?? '127.0.0.1'
  const brand = readBrand(settings)
  const config = {
    port: settings.port('PORT', 8000),
    host: settings.text('HOST') ?? '0.0.0.0',
    internalPort: settings.port('INTERNAL_PORT', 8010),
    internalHost,
    publicUrl,
    databaseUrl,
    databaseDirectUrl,
    databaseSslMode: settings.text('PGSSLMODE'),
    databasePoolSize: settings.integer('DATABASE_POOL_SIZE', 10, 1, 200),
    dataDir: settings.text('DATA_DIR') ?? './data',
    authSecret: readAuthSecret(settings),
    previousAuthSecrets: settings.secrets('AUTH_SECRET_PREVIOUS'),
    serviceKeys: readServiceKeys(settings),
    tokenIssuer: settings.text('TOKEN_ISSUER') ?? publicUrl,
    tokenAudience: settings.textOrEmpty('TOKEN_AUDIENCE', 'chat'),
    ...readTokenKey(settings),
    accessTokenTtlSeconds: settings.seconds('ACCESS_TOKEN_TTL', 600, 10, LONGEST_ACCESS_TOKEN_TTL_SECONDS),
    sessionIdleTtlSeconds: settings.seconds('SESSION_IDLE_TTL', days(30), 60, days(3650)),
    sessionTtlSeconds: settings.seconds('SESSION_TTL', days(180), 60, days(3650)),
    recentAuthenticationTtlSeconds: settings.seconds('RECENT_AUTHENTICATION_TTL', 600, 60, days(1)),
    refreshReuseWindowSeconds: settings.seconds('REFRESH_REUSE_WINDOW', 30, 0, 600),
    lostResponse: settings.oneOf('LOST_ANSWER', ['receipts', 'window'], 'receipts'),
    auditRetentionSeconds: settings.seconds('AUDIT_RETENTION', days(180), days(1), days(3650)),
    maximumSessionsPerUser: settings.integer('MAX_SESSIONS_PER_USER', 50, 1, 1000),
    ...brand,
    mail: readMail(settings, { ...brand, databaseUrl, publicUrl, internalHost }),
    passwordMinimumLength: settings.integer('PASSWORD_MIN_LENGTH', 8, 8, 64),
    registration: settings.oneOf('REGISTRATION', ['open', 'invite', 'closed'], 'open'),
    registrationsPerNetwork: settings.integer('REGISTRATIONS_PER_NETWORK', 20, 1, 10_000),
    proofOfWorkCost: settings.integer('PROOF_OF_WORK_COST', 5_000, 100, 1_000_000),
    reservedUsernames: readReservedUsernames(settings),
    corsOrigins: settings.list(
      'CORS_ORIGINS',
      isOrigin,
      'origins such as https://chat.example.org, separated by commas',
    ),
    trustedProxies: settings.list('TRUSTED_PROXIES', isAddressOrRange, TRUSTED_PROXIES_WANTED),
    ...readConsumers(settings),
    platformOpenLookup: settings.oneOf('PLATFORM_OPEN_LOOKUP', ['true', 'false'], 'false') === 'true',
    shutdownDelaySeconds: settings.seconds('SHUTDOWN_DELAY', 0, 0, 60),
    logLevel: settings.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    otlp: readOtlp(settings),
  }
  refuseKnownSecrets(settings, config)
  settings.finish()
  return config
}

function readPublicUrl(settings: SettingsReader): string {
  const text = settings.url('PUBLIC_URL', ['http:', 'https:']) ?? 'http://localhost:8000'
  const { origin, pathname, search, hash, username, password } = new URL(text)
  if (search + hash + username + password !== '') {
    settings.refuse(
      'PUBLIC_URL',
      'must be an address only, such as https://chat.example.org: without user, password, ? and #',
    )
  }
  return (origin + pathname).replace(/\/+$/, '')
}

function readAuthSecret(settings: SettingsReader): string | undefined {
  const secret = settings.text('AUTH_SECRET')
  if (secret === undefined && settings.text('DATABASE_URL') !== undefined) {
    settings.refuse('AUTH_SECRET', `is required with DATABASE_URL; ${MAKE_A_SECRET}`)
  } else if (secret?.includes(',')) {
    settings.refuse(
      'AUTH_SECRET',
      'must be one secret without commas; put older ones in AUTH_SECRET_PREVIOUS',
    )
  }
  const weakness = weaknessOf(secret ?? '')
  if (secret !== undefined && weakness !== undefined)
    settings.refuse('AUTH_SECRET', `${weakness}; ${MAKE_A_SECRET}`)
  return secret
}

/** The platform's services call this secret KEY, and theirs was short. */
const EVERYWHERE =
  ', and set it in every service that verifies with it (the KEY of the older services) at the same time'

function readTokenKey(settings: SettingsReader) {
  const tokenAlgorithm = settings.oneOf('TOKEN_ALGORITHM', TOKEN_ALGORITHMS, 'EdDSA')
  const tokenSharedSecret = settings.text('TOKEN_SHARED_SECRET')
  const weakness = weaknessOf(tokenSharedSecret ?? '')
  if (tokenAlgorithm === 'HS256' && weakness !== undefined) {
    const isRequired = tokenSharedSecret === undefined ? 'is required with TOKEN_ALGORITHM=HS256 and ' : ''
    settings.refuse('TOKEN_SHARED_SECRET', `${isRequired}${weakness}; ${MAKE_A_SECRET}${EVERYWHERE}`)
  }
  const isUnused = tokenAlgorithm !== 'HS256' && !settings.hasRefused('TOKEN_ALGORITHM')
  if (isUnused && tokenSharedSecret !== undefined) {
    settings.refuse('TOKEN_SHARED_SECRET', 'is only for TOKEN_ALGORITHM=HS256; leave it out')
  }
  return { tokenAlgorithm, tokenSharedSecret }
}

type Reach = Pick<Config, 'publicUrl' | 'host' | 'internalHost' | 'databaseUrl'>
type Secrets = Reach &
  Pick<Config, 'authSecret' | 'previousAuthSecrets' | 'serviceKeys' | 'tokenSharedSecret'>

/** Refuses secrets that others know: the public example, and secrets shared with other services under another name. */
function refuseKnownSecrets(settings: SettingsReader, config: Secrets): void {
  const { authSecret, previousAuthSecrets, tokenSharedSecret } = config
  const serviceKeys = config.serviceKeys.map(({ secret }) => secret)
  const own = [authSecret, ...previousAuthSecrets].filter((secret) => secret !== undefined)
  const shared = { SERVICE_KEYS: serviceKeys, TOKEN_SHARED_SECRET: [tokenSharedSecret ?? ''] }
  for (const [name, secrets] of Object.entries(shared)) {
    if (secrets.some((secret) => own.includes(secret))) {
      settings.refuse(name, `repeats AUTH_SECRET, which no other service may know; ${MAKE_A_SECRET}`)
    }
  }
  if (serviceKeys.includes(tokenSharedSecret ?? '')) {
    settings.refuse(
      'SERVICE_KEYS',
      `repeats TOKEN_SHARED_SECRET, which can make tokens for any user; ${MAKE_A_SECRET}`,
    )
  }
  if (isForTrying(config)) return
  const all = { AUTH_SECRET: [authSecret], AUTH_SECRET_PREVIOUS: previousAuthSecrets, ...shared }
  for (const [name, secrets] of Object.entries(all)) {
    const remedy = name === 'AUTH_SECRET_PREVIOUS' ? 'leave it out' : MAKE_A_SECRET
    if (secrets.includes(PUBLIC_EXAMPLE)) settings.refuse(name, `holds the public example; ${remedy}`)
  }
}

/** Nobody but programs on this machine can reach the service, and its data is nowhere else. */
const isForTrying = ({ publicUrl, host, internalHost, databaseUrl }: Reach): boolean =>
  [new URL(publicUrl).hostname, host, internalHost].every(isLoopback) && databaseUrl === undefined

const days = (count: number): number => count * 24 * 3600

function isOrigin(entry: string): boolean {
  const url = URL.parse(entry)
  // The URL parser accepts * as a letter of a host name. No browser sends such an origin.
  return url?.origin === entry && ['http:', 'https:'].includes(url.protocol) && !entry.includes('*')
}

import ipaddr from 'ipaddr.js'
import { LONGEST_ACCESS_TOKEN_TTL_SECONDS, SIGNING_ALGORITHMS } from '../domain/signing-key.ts'
import { SettingsReader, type Environment } from './settings-reader.ts'

export type Config = ReturnType<typeof readConfig>

/** Stands in .env.example so that two commands are enough to try it; never for a public address. */
const SECRET_FOR_TRYING = 'for-trying-on-localhost-only-never-deploy-this'
const SECRET_MINIMUM = 32

const TOKEN_ALGORITHMS = [...SIGNING_ALGORITHMS, 'HS256'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** The environment with what `.env` in the working directory adds to it. */
export function loadEnvironment(): Environment {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return process.env
}

/** Reads every setting; throws one SettingsError that names all that are missing or wrong. */
export function readConfig(environment: Environment) {
  const settings = new SettingsReader(environment)
  const databaseUrl = settings.url('DATABASE_URL', ['postgres:', 'postgresql:'])
  const publicUrl = (settings.url('PUBLIC_URL', ['http:', 'https:']) ?? 'http://localhost:8000').replace(/\/+$/, '')
  const config = {
    port: settings.port('PORT', 8000),
    host: settings.text('HOST') ?? '0.0.0.0',
    internalPort: settings.port('INTERNAL_PORT', 8010),
    internalHost: settings.text('INTERNAL_HOST') ?? '127.0.0.1',
    publicUrl,
    databaseUrl,
    databasePoolSize: settings.integer('DATABASE_POOL_SIZE', 10, 1, 200),
    dataDir: settings.text('DATA_DIR') ?? './data',
    authSecret: readAuthSecret(settings, databaseUrl, publicUrl),
    previousAuthSecrets: settings.secrets('AUTH_SECRET_PREVIOUS', SECRET_MINIMUM),
    serviceKeys: settings.secrets('SERVICE_KEYS', SECRET_MINIMUM),
    tokenIssuer: settings.text('TOKEN_ISSUER') ?? publicUrl,
    tokenAudience: settings.textOrEmpty('TOKEN_AUDIENCE', 'chat'),
    ...readTokenKey(settings),
    accessTokenTtlSeconds: settings.seconds('ACCESS_TOKEN_TTL', 600, 10, LONGEST_ACCESS_TOKEN_TTL_SECONDS),
    sessionIdleTtlSeconds: settings.seconds('SESSION_IDLE_TTL', days(30), 60, days(3650)),
    sessionTtlSeconds: settings.seconds('SESSION_TTL', days(180), 60, days(3650)),
    refreshReuseWindowSeconds: settings.seconds('REFRESH_REUSE_WINDOW', 30, 0, 600),
    lostAnswer: settings.oneOf('LOST_ANSWER', ['receipts', 'window'], 'receipts'),
    maximumSessionsPerUser: settings.integer('MAX_SESSIONS_PER_USER', 50, 1, 1000),
    passwordMinimumLength: settings.integer('PASSWORD_MIN_LENGTH', 8, 8, 64),
    corsOrigins: settings.list('CORS_ORIGINS', isOrigin, 'origins such as https://chat.example.org, separated by commas'),
    trustedProxies: settings.list(
      'TRUSTED_PROXIES',
      (entry) => ipaddr.isValid(entry) || ipaddr.isValidCIDR(entry),
      'addresses or CIDR ranges such as 10.0.0.0/8, separated by commas',
    ),
    logLevel: settings.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
  }
  settings.finish()
  return config
}

function readAuthSecret(settings: SettingsReader, databaseUrl: string | undefined, publicUrl: string) {
  const [secret, ...more] = settings.secrets('AUTH_SECRET', SECRET_MINIMUM)
  if (more.length > 0) settings.refuse('AUTH_SECRET', 'is one secret without commas; older ones go to AUTH_SECRET_PREVIOUS')
  if (secret === undefined && databaseUrl !== undefined) {
    settings.refuse('AUTH_SECRET', 'is required with DATABASE_URL; make one with: openssl rand -base64 32')
  }
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(URL.parse(publicUrl)?.hostname ?? '')
  if (secret === SECRET_FOR_TRYING && !isLocal) {
    settings.refuse('AUTH_SECRET', 'is still the public example; make one of your own with: openssl rand -base64 32')
  }
  return secret
}

function readTokenKey(settings: SettingsReader) {
  const tokenAlgorithm = settings.oneOf('TOKEN_ALGORITHM', TOKEN_ALGORITHMS, 'EdDSA')
  const tokenSharedSecret = settings.text('TOKEN_SHARED_SECRET')
  if (tokenAlgorithm === 'HS256' && Buffer.byteLength(tokenSharedSecret ?? '') < SECRET_MINIMUM) {
    settings.refuse('TOKEN_SHARED_SECRET', `is required with TOKEN_ALGORITHM=HS256 and has at least ${SECRET_MINIMUM} bytes`)
  }
  if (tokenAlgorithm !== 'HS256' && tokenSharedSecret !== undefined) {
    settings.refuse('TOKEN_SHARED_SECRET', 'is only for TOKEN_ALGORITHM=HS256; leave it out')
  }
  return { tokenAlgorithm, tokenSharedSecret }
}

const days = (count: number): number => count * 24 * 3600

function isOrigin(entry: string): boolean {
  const url = URL.parse(entry)
  return url !== null && url.origin === entry && ['http:', 'https:'].includes(url.protocol)
}

import { LONGEST_ACCESS_TOKEN_TTL_SECONDS, SIGNING_ALGORITHMS } from '../domain/signing-key.ts'
import { readConsumers } from './consumer-settings.ts'
import { readOtlp } from './otlp-settings.ts'
import { weaknessOf } from './secret-strength.ts'
import { MAKE_A_SECRET as MAKE_ONE, SettingsReader, type Environment } from './settings-reader.ts'
import { isAddressOrRange, TRUSTED_PROXIES_WANTED } from './trusted-proxies.ts'

export type Config = ReturnType<typeof readConfig>

/** Stands in .env.example so that two commands are enough to try it; never for a public address. */
export const SECRET_FOR_TRYING = 'for-trying-on-localhost-only-never-deploy-this'
/** What an Authorization header can carry (RFC 6750, section 2.1): a key of anything else would never match. */
const BEARER_TOKEN = /^[\w.~+/-]+=*$/

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
  const publicUrl = readPublicUrl(settings)
  const config = {
    port: settings.port('PORT', 8000),
    host: settings.text('HOST') ?? '0.0.0.0',
    internalPort: settings.port('INTERNAL_PORT', 8010),
    internalHost: settings.text('INTERNAL_HOST') ?? '127.0.0.1',
    publicUrl,
    databaseUrl,
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
    refreshReuseWindowSeconds: settings.seconds('REFRESH_REUSE_WINDOW', 30, 0, 600),
    lostAnswer: settings.oneOf('LOST_ANSWER', ['receipts', 'window'], 'receipts'),
    maximumSessionsPerUser: settings.integer('MAX_SESSIONS_PER_USER', 50, 1, 1000),
    passwordMinimumLength: settings.integer('PASSWORD_MIN_LENGTH', 8, 8, 64),
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
      'is an address alone, such as https://chat.example.org: no name, password, ? or #',
    )
  }
  return (origin + pathname).replace(/\/+$/, '')
}

function readAuthSecret(settings: SettingsReader): string | undefined {
  const secret = settings.text('AUTH_SECRET')
  if (secret === undefined && settings.text('DATABASE_URL') !== undefined) {
    settings.refuse('AUTH_SECRET', `is required with DATABASE_URL; ${MAKE_ONE}`)
  } else if (secret?.includes(',')) {
    settings.refuse('AUTH_SECRET', 'is one secret without commas; older ones go to AUTH_SECRET_PREVIOUS')
  }
  const weakness = weaknessOf(secret ?? '')
  if (secret !== undefined && weakness !== undefined)
    settings.refuse('AUTH_SECRET', `${weakness}; ${MAKE_ONE}`)
  return secret
}

function readServiceKeys(settings: SettingsReader): readonly string[] {
  const keys = settings.secrets('SERVICE_KEYS')
  if (!keys.every((key) => BEARER_TOKEN.test(key))) {
    settings.refuse(
      'SERVICE_KEYS',
      `may hold letters, digits and - . _ ~ + / alone, and = at the end; ${MAKE_ONE}`,
    )
  }
  return keys
}

function readTokenKey(settings: SettingsReader) {
  const tokenAlgorithm = settings.oneOf('TOKEN_ALGORITHM', TOKEN_ALGORITHMS, 'EdDSA')
  const tokenSharedSecret = settings.text('TOKEN_SHARED_SECRET')
  const weakness = weaknessOf(tokenSharedSecret ?? '')
  if (tokenAlgorithm === 'HS256' && weakness !== undefined) {
    const isRequired = tokenSharedSecret === undefined ? 'is required with TOKEN_ALGORITHM=HS256 and ' : ''
    settings.refuse('TOKEN_SHARED_SECRET', `${isRequired}${weakness}; ${MAKE_ONE}`)
  }
  const isForAnother = tokenAlgorithm !== 'HS256' && !settings.hasRefused('TOKEN_ALGORITHM')
  if (isForAnother && tokenSharedSecret !== undefined) {
    settings.refuse('TOKEN_SHARED_SECRET', 'is only for TOKEN_ALGORITHM=HS256; leave it out')
  }
  return { tokenAlgorithm, tokenSharedSecret }
}

type Secrets = Pick<
  Config,
  'publicUrl' | 'authSecret' | 'previousAuthSecrets' | 'serviceKeys' | 'tokenSharedSecret'
>

/** Secrets that others know: the public example, and one given to other services under another's name. */
function refuseKnownSecrets(settings: SettingsReader, config: Secrets): void {
  const { authSecret, previousAuthSecrets, serviceKeys, tokenSharedSecret } = config
  const own = [authSecret, ...previousAuthSecrets].filter((secret) => secret !== undefined)
  const given = { SERVICE_KEYS: serviceKeys, TOKEN_SHARED_SECRET: [tokenSharedSecret ?? ''] }
  for (const [name, secrets] of Object.entries(given)) {
    if (secrets.some((secret) => own.includes(secret))) {
      settings.refuse(name, `repeats AUTH_SECRET, which no other service may know; ${MAKE_ONE}`)
    }
  }
  if (serviceKeys.includes(tokenSharedSecret ?? '')) {
    settings.refuse(
      'SERVICE_KEYS',
      `repeats TOKEN_SHARED_SECRET, which makes tokens for anybody; ${MAKE_ONE}`,
    )
  }
  if (['localhost', '127.0.0.1', '[::1]'].includes(new URL(config.publicUrl).hostname)) return
  const all = { AUTH_SECRET: [authSecret], AUTH_SECRET_PREVIOUS: previousAuthSecrets, ...given }
  for (const [name, secrets] of Object.entries(all)) {
    const remedy = name === 'AUTH_SECRET_PREVIOUS' ? 'leave it out' : MAKE_ONE
    if (secrets.includes(SECRET_FOR_TRYING)) settings.refuse(name, `holds the public example; ${remedy}`)
  }
}

const days = (count: number): number => count * 24 * 3600

function isOrigin(entry: string): boolean {
  const url = URL.parse(entry)
  // A star would be taken for a letter of the host's name, which no browser's origin has.
  return url?.origin === entry && ['http:', 'https:'].includes(url.protocol) && !entry.includes('*')
}

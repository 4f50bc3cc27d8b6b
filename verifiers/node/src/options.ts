import type { VerifierOptions, WhenStale } from './types.ts'

export interface Settings {
  /** Ends with a slash. */
  readonly base: URL
  readonly serviceKey: string
  readonly issuer: string
  readonly audience: string | undefined
  readonly sharedSecret: string | undefined
  readonly maxStalenessMs: number
  readonly whenStale: WhenStale
  readonly cacheSize: number
  readonly onError: (error: Error) => void
  /** The same message is reported again after this time. */
  readonly repeatErrorsAfterMs: number
}

/** So that a wrong setting shows without `onError`, once, and an outage at another day too. */
// eslint-disable-next-line no-console -- there is no other log before the application names one
const logError = (error: Error): void => console.error(`@chat-auth/verifier: ${error.message}`)
const LOGGED_AGAIN_AFTER_MS = 3_600_000
const REPORTED_AGAIN_AFTER_MS = 30_000

/** Checks the options. Throws a `TypeError` that names the option and what it must be, without its value. */
export function readOptions(options: VerifierOptions): Settings {
  const { maxStalenessMs = 5_000, whenStale = 'refuse', cacheSize = 10_000, onError = logError } = options
  requireThat(
    Number.isFinite(maxStalenessMs) && maxStalenessMs >= 2_000,
    'maxStalenessMs: must be at least 2000',
  )
  requireThat(
    ['refuse', 'introspect', 'accept'].includes(whenStale),
    'whenStale: must be refuse, introspect or accept',
  )
  requireThat(
    Number.isSafeInteger(cacheSize) && cacheSize >= 0,
    'cacheSize: must be a whole number, 0 or more',
  )
  requireThat(typeof onError === 'function', 'onError: must be a function')
  requireThat(isText(options.issuer), 'issuer: must be TOKEN_ISSUER of the service')
  requireThat(
    options.audience === undefined || isText(options.audience),
    'audience: must be TOKEN_AUDIENCE of the service, or left out',
  )
  requireThat(
    isHeaderValue(options.serviceKey),
    'serviceKey: must be the secret of one of SERVICE_KEYS of the service',
  )
  return {
    base: readBase(options.url),
    serviceKey: options.serviceKey,
    issuer: options.issuer,
    audience: options.audience,
    sharedSecret: readSecret(options.sharedSecret),
    maxStalenessMs,
    whenStale,
    cacheSize,
    onError,
    repeatErrorsAfterMs: options.onError === undefined ? LOGGED_AGAIN_AFTER_MS : REPORTED_AGAIN_AFTER_MS,
  }
}

function requireThat(isValid: boolean, requirement: string): asserts isValid {
  if (!isValid) throw new TypeError(`createVerifier, option ${requirement}`)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Visible ASCII, so that it fits into an HTTP header unchanged. */
const isHeaderValue = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)

function readBase(url: unknown): URL {
  const text = url instanceof URL ? url.href : url
  requireThat(
    typeof text === 'string' && URL.canParse(text),
    'url: must be the internal listener, such as http://auth:8010',
  )
  const base = new URL(text)
  requireThat(base.protocol === 'http:' || base.protocol === 'https:', 'url: must be http or https')
  requireThat(
    base.username === '' && base.password === '',
    'url: must not contain a name or password; use serviceKey',
  )
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  base.search = ''
  base.hash = ''
  return base
}

function readSecret(secret: unknown): string | undefined {
  if (secret === undefined) return undefined
  requireThat(
    typeof secret === 'string' && Buffer.byteLength(secret) >= 32,
    'sharedSecret: must be at least 32 bytes',
  )
  // With a public key as the secret, everyone who has the key could sign tokens (RFC 8725, section 2.1).
  const looksLikeKey = /-----BEGIN|"kty"|^\s*(ssh-|ecdsa-)/.test(secret)
  requireThat(!looksLikeKey, 'sharedSecret: must be a secret, not a public or private key')
  return secret
}

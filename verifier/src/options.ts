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
}

/** Checks the options; throws a `TypeError` that says which one is wrong and what would be right, without its value. */
export function readOptions(options: VerifierOptions): Settings {
  const {
    maxStalenessMs = 5_000,
    whenStale = 'refuse',
    cacheSize = 10_000,
    onError = () => undefined,
  } = options
  demand(Number.isFinite(maxStalenessMs) && maxStalenessMs >= 2_000, 'maxStalenessMs: at least 2000')
  demand(['refuse', 'introspect', 'accept'].includes(whenStale), 'whenStale: refuse, introspect or accept')
  demand(Number.isSafeInteger(cacheSize) && cacheSize >= 0, 'cacheSize: a whole number of tokens, or 0')
  demand(typeof onError === 'function', 'onError: a function')
  demand(isText(options.issuer), 'issuer: TOKEN_ISSUER of the service')
  demand(
    options.audience === undefined || isText(options.audience),
    'audience: TOKEN_AUDIENCE of the service, or left out',
  )
  demand(isHeaderText(options.serviceKey), 'serviceKey: one of SERVICE_KEYS of the service')
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
  }
}

function demand(isRight: boolean, what: string): asserts isRight {
  if (!isRight) throw new TypeError(`createVerifier, option ${what}`)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** What may stand in an HTTP header as it is. */
const isHeaderText = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)

function readBase(url: unknown): URL {
  const text = url instanceof URL ? url.href : url
  demand(typeof text === 'string' && URL.canParse(text), 'url: the internal listener, as in http://auth:8010')
  const base = new URL(text)
  demand(base.protocol === 'http:' || base.protocol === 'https:', 'url: http or https')
  demand(
    base.username === '' && base.password === '',
    'url: without a name and a password; there is serviceKey',
  )
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  base.search = ''
  base.hash = ''
  return base
}

function readSecret(secret: unknown): string | undefined {
  if (secret === undefined) return undefined
  demand(typeof secret === 'string' && Buffer.byteLength(secret) >= 32, 'sharedSecret: at least 32 bytes')
  // Whoever has the public key could sign (RFC 8725, section 2.1).
  const looksLikeKey = /-----BEGIN|"kty"|^\s*(ssh-|ecdsa-)/.test(secret)
  demand(!looksLikeKey, 'sharedSecret: a secret, not a key of a key pair')
  return secret
}

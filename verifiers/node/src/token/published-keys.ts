import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { isJsonObject } from './json-values.ts'
import { createVerificationKey, type TokenAlgorithm, type VerificationKey } from './signatures.ts'

const KEY_LIMIT = 100
const KID_LENGTH_LIMIT = 256

/** A key of the set, with the text that tells whether it is still the same at the next fetch. */
export interface PublishedKey extends VerificationKey {
  readonly material: string
}

/**
 * The keys of a JWK set (RFC 7517) that tokens of the service can be signed with; anything else in it is passed over, as
 * section 5 tells. Undefined when there is no such key at all: then the answer is not the service's. Keys that `known`
 * has already are answered as the same objects.
 */
export function readKeySet(
  body: unknown,
  known: ReadonlyMap<string, PublishedKey>,
): Map<string, PublishedKey> | undefined {
  const listed = isJsonObject(body) ? body['keys'] : undefined
  if (!Array.isArray(listed) || listed.length > KEY_LIMIT) return undefined
  const keys = new Map<string, PublishedKey>()
  for (const jwk of listed as unknown[]) {
    const key = readKey(jwk, known)
    if (key !== undefined && !keys.has(key.kid)) keys.set(key.kid, key)
  }
  return keys.size > 0 ? keys : undefined
}

function readKey(jwk: unknown, known: ReadonlyMap<string, PublishedKey>): PublishedKey | undefined {
  if (!isJsonObject(jwk)) return undefined
  const { kid, use, alg } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > KID_LENGTH_LIMIT) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  const form = formOf(jwk)
  // The one algorithm that goes with this type of key; a key that names another is for something else.
  if (form === undefined || (alg !== undefined && alg !== form.algorithm)) return undefined
  const material = JSON.stringify(form)
  const before = known.get(kid)
  if (before?.material === material) return before
  const key = importKey(form.jwk)
  if (key === undefined) return undefined
  return { ...createVerificationKey(kid, form.algorithm, key), material }
}

/** The public members alone (RFC 7518, section 6; RFC 8037), so that nothing else in the JWK counts. */
function formOf(jwk: Record<string, unknown>): { algorithm: TokenAlgorithm; jwk: JsonWebKey } | undefined {
  const { kty, crv, x, y, n, e } = jwk
  if (kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string') {
    return { algorithm: 'EdDSA', jwk: { kty, crv, x } }
  }
  if (kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string') {
    return { algorithm: 'ES256', jwk: { kty, crv, x, y } }
  }
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') {
    return { algorithm: 'RS256', jwk: { kty, n, e } }
  }
  return undefined
}

function importKey(jwk: JsonWebKey): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    return jwk.kty === 'RSA' && !isSafeRsa(key) ? undefined : key
  } catch {
    return undefined
  }
}

/** At least 2048 bits (RFC 7518, section 3.3), not so many that checking takes seconds; with an exponent of 1 anybody signs. */
function isSafeRsa(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent >= 3n && publicExponent % 2n === 1n
}

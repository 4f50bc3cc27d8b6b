import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { isJsonObject, isStringArray } from './json-values.ts'
import { createVerificationKey, type TokenAlgorithm, type VerificationKey } from './signatures.ts'

const KEY_LIMIT = 100
const KID_LENGTH_LIMIT = 256

/** A key of the set. `material` shows at the next fetch whether the key has changed. */
export interface PublishedKey extends VerificationKey {
  readonly material: string
}

/**
 * Reads the keys of a JWK set that can verify tokens, and skips all others (RFC 7517, section 5). Returns undefined if
 * there is none. Keys that are in `known` are returned as the same objects.
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
  const { kid, alg } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > KID_LENGTH_LIMIT) return undefined
  if (!isForVerifying(jwk)) return undefined
  const form = formOf(jwk)
  // Each key type has one algorithm here; a key for another algorithm has another purpose.
  if (form === undefined || (alg !== undefined && alg !== form.algorithm)) return undefined
  const material = JSON.stringify(form)
  const before = known.get(kid)
  if (before?.material === material) return before
  const key = importKey(form.jwk)
  if (key === undefined) return undefined
  return { ...createVerificationKey(kid, form.algorithm, key), material }
}

/** Whether the purpose of the key, where it is given, is to verify signatures (RFC 7517, sections 4.2 and 4.3). */
function isForVerifying({ use, key_ops: operations, d }: Record<string, unknown>): boolean {
  // With the private part published too, anyone could sign.
  if (d !== undefined || (use !== undefined && use !== 'sig')) return false
  if (operations === undefined) return true
  return (
    isStringArray(operations) &&
    operations.includes('verify') &&
    new Set(operations).size === operations.length
  )
}

/** Keeps the public members (RFC 7518, section 6; RFC 8037, section 2) and ignores everything else in the JWK. */
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

/** At least 2048 bits (RFC 7518, section 3.3), and few enough to verify quickly. With exponent 1 anyone could sign. */
function isSafeRsa(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent >= 3n && publicExponent % 2n === 1n
}

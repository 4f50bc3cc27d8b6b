import { isUtf8 } from 'node:buffer'
import { decodeBase64url } from './base64url.ts'
import { countMembers, isJsonObject } from './json-values.ts'
import { TokenRefused } from './token-refused.ts'

/** More than any access token of the service has. Longer input is refused before any work is done. */
const LENGTH_LIMIT = 4096

/** The parts of a JWS in compact serialization (RFC 7515, section 7.1). */
export interface TokenParts {
  /** Still encoded, because decoded headers are cached by it. */
  readonly header: string
  readonly payload: Buffer
  /** The signing input (RFC 7515, section 5.1). */
  readonly signed: Buffer
  readonly signature: Buffer
}

/** The members of a JOSE header that are used (RFC 7515, section 4.1). */
export interface TokenHeader {
  readonly alg: string
  readonly kid: string
  readonly typ: unknown
}

/** Splits a token into its three parts. Throws `TokenRefused` with `malformed_token` for anything else. */
export function splitToken(token: unknown): TokenParts {
  if (typeof token !== 'string' || token.length > LENGTH_LIMIT) throw new TokenRefused('malformed_token')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  const hasEmptyPart = first < 1 || second <= first + 1 || second === token.length - 1
  if (hasEmptyPart) throw new TokenRefused('malformed_token')
  return {
    header: token.slice(0, first),
    payload: decodePart(token, first + 1, second),
    // A character outside of this encoding fails when its part is decoded.
    signed: Buffer.from(token.slice(0, second), 'latin1'),
    // A third dot is not base64url and fails here.
    signature: decodePart(token, second + 1, token.length),
  }
}

/** Accepts only the canonical encoding (RFC 4648, section 3.5). */
function decodePart(text: string, start = 0, end = text.length): Buffer {
  const bytes = decodeBase64url(text, start, end)
  if (bytes === undefined) throw new TokenRefused('malformed_token')
  return bytes
}

// Members that bring their own keys, change what is signed, or need support (RFC 7515, section 4.1; RFC 7797).
const REFUSED_MEMBERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'zip', 'enc', 'b64']

/** Parses an encoded header. Throws `TokenRefused` with `malformed_token`. */
export function readHeader(encoded: string): TokenHeader {
  const header = readObject(decodePart(encoded))
  if (header === undefined) throw new TokenRefused('malformed_token')
  const { alg, kid, typ } = header
  const isUnsafe = REFUSED_MEMBERS.some((name) => Object.hasOwn(header, name))
  if (isUnsafe || typeof alg !== 'string' || typeof kid !== 'string')
    throw new TokenRefused('malformed_token')
  return { alg, kid, typ }
}

/** Parses a decoded payload. Throws `TokenRefused` with `invalid_claims` unless it is a JSON object. */
export function readPayload(payload: Buffer): Record<string, unknown> {
  const claims = readObject(payload)
  if (claims === undefined) throw new TokenRefused('invalid_claims')
  return claims
}

/** Parses a JSON object without repeated names (RFC 7515, section 4; RFC 7519, section 4); undefined for anything else. */
function readObject(bytes: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) && Object.keys(value).length === countMembers(text) ? value : undefined
  } catch {
    return undefined
  }
}

import { isUtf8 } from 'node:buffer'
import { decodeBase64url } from './base64url.ts'
import { countMembers, isJsonObject } from './json-values.ts'
import { TokenRefused } from './token-refused.ts'

/** Longer than any access token of the service; refused before any work. */
const LENGTH_LIMIT = 4096

/** The parts of a JWS in compact serialization (RFC 7515, section 7.1). */
export interface TokenParts {
  /** Still encoded: it is the same in most tokens. */
  readonly header: string
  readonly payload: Buffer
  /** The signing input: what the signature is over. */
  readonly signed: Buffer
  readonly signature: Buffer
}

/** The members of a JOSE header that count (RFC 7515, section 4.1). */
export interface TokenHeader {
  readonly alg: string
  readonly kid: string
  readonly typ: unknown
}

/** Takes a token apart; throws `TokenRefused` with `malformed_token` for anything that is not three parts. */
export function splitToken(token: unknown): TokenParts {
  if (typeof token !== 'string' || token.length > LENGTH_LIMIT) throw new TokenRefused('malformed_token')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second <= first + 1 || second === token.length - 1)
    throw new TokenRefused('malformed_token')
  return {
    header: token.slice(0, first),
    payload: decodePart(token, first + 1, second),
    // A character beyond this encoding does not survive the decoding of its part.
    signed: Buffer.from(token.slice(0, second), 'latin1'),
    // A third point is no base64url.
    signature: decodePart(token, second + 1, token.length),
  }
}

/** The one canonical spelling (RFC 4648, section 3.5): Node reads many more. */
function decodePart(text: string, start = 0, end = text.length): Buffer {
  const bytes = decodeBase64url(text, start, end)
  if (bytes === undefined) throw new TokenRefused('malformed_token')
  return bytes
}

// These bring keys along, change what is signed, or must be understood by whoever reads on (RFC 7515, section 4.1; RFC 7797).
const REFUSED_MEMBERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'zip', 'enc', 'b64']

/** Reads an encoded header; throws `TokenRefused` with `malformed_token`. */
export function readHeader(encoded: string): TokenHeader {
  const header = readObject(decodePart(encoded))
  if (header === undefined) throw new TokenRefused('malformed_token')
  const { alg, kid, typ } = header
  const isOdd = REFUSED_MEMBERS.some((name) => Object.hasOwn(header, name))
  if (isOdd || typeof alg !== 'string' || typeof kid !== 'string') throw new TokenRefused('malformed_token')
  return { alg, kid, typ }
}

/** Reads a decoded payload; throws `TokenRefused` with `invalid_claims` for what is not an object. */
export function readPayload(payload: Buffer): Record<string, unknown> {
  const claims = readObject(payload)
  if (claims === undefined) throw new TokenRefused('invalid_claims')
  return claims
}

/** A JSON object each of whose names is there once (RFC 7515, section 4; RFC 7519, section 4); undefined for all else. */
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

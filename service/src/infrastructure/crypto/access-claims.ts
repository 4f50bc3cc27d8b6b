import type { AccessClaims } from '../../application/ports/access-tokens.ts'
import { parseGeneration, parseSessionId } from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'

interface Expected {
  readonly issuer: string
  /** Undefined: tokens have no `aud`. */
  readonly audience: string | undefined
}

/**
 * Reads a signed payload; undefined unless it is that of an access token (RFC 9068, section 2.2) that is valid at `now`.
 * As strict as the verifiers, about claims that the service does not use too: a token is good everywhere or nowhere.
 */
export function readAccessClaims(payload: Buffer, expected: Expected, now: Date): AccessClaims | undefined {
  const { iss, aud, sub, user_id, sid, gen, jti, iat, exp, nbf, auth_time, amr, roles, rcp } = parse(payload)
  if (iss !== expected.issuer || aud !== expected.audience) return undefined
  if (!isTime(iat) || !isTime(exp) || !isTime(auth_time) || !(nbf === undefined || isTime(nbf)))
    return undefined
  // `exp` is the first moment at which the token is no longer valid, and `nbf` the first at which it is (RFC 7519).
  if (exp * 1000 <= +now || (nbf !== undefined && nbf * 1000 > +now)) return undefined
  if (!isTextList(amr) || !isTextList(roles) || !isOptionalText(jti) || !isOptionalText(rcp)) return undefined
  if (typeof sub !== 'string' || sub !== String(user_id) || typeof sid !== 'string') return undefined
  const [userId, sessionId, generation] = [parseUserId(sub), parseSessionId(sid), parseGeneration(gen)]
  if (userId === undefined || sessionId === undefined || generation === undefined) return undefined
  if (userId !== user_id) return undefined
  return { userId, sessionId, generation, roles, issuedAt: dateOf(iat), expiresAt: dateOf(exp) }
}

/** Every service that has the HS256 secret can sign any payload, even one that is not JSON or not an object. */
function parse(payload: Buffer): Record<string, unknown> {
  try {
    return { ...(JSON.parse(payload.toString()) as object | null) }
  } catch {
    return {}
  }
}

/** A NumericDate (RFC 7519, section 2) in whole seconds, within the range of a `Date`. */
const isTime = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 8_640_000_000_000

const isOptionalText = (value: unknown): boolean => value === undefined || typeof value === 'string'

const isTextList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

const dateOf = (seconds: number): Date => new Date(seconds * 1000)

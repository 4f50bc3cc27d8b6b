import { isGeneration, isSessionId, isStringArray, isUserId } from './json-values.ts'
import { TokenRefused } from './token-refused.ts'
import type { Claims } from './types.ts'

export interface ExpectedClaims {
  readonly issuer: string
  /** Undefined: there must be no `aud`. */
  readonly audience: string | undefined
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

/** Claims with what else their validity depends on; times are epoch milliseconds. */
export interface CheckedClaims {
  readonly claims: Claims
  readonly expiresAtMs: number
  readonly notBeforeMs: number
}

/**
 * Takes exactly the claims of an access token (RFC 9068, section 2.2) out of a JSON object, frozen. Throws `TokenRefused`
 * with `wrong_issuer`, `wrong_audience` or `invalid_claims`. Whether they are valid at this time is not asked here.
 */
export function readClaims(given: Record<string, unknown>, expected: ExpectedClaims): CheckedClaims {
  const { iss, aud, sub, user_id, sid, gen, jti, iat, exp, nbf, auth_time, amr, roles } = given
  if (iss !== expected.issuer) throw new TokenRefused('wrong_issuer')
  if (aud !== expected.audience) throw new TokenRefused('wrong_audience')
  const isWhole =
    isUserId(user_id) &&
    sub === String(user_id) &&
    isSessionId(sid) &&
    isGeneration(gen) &&
    (jti === undefined || typeof jti === 'string') &&
    isNumericDate(iat) &&
    isNumericDate(exp) &&
    (nbf === undefined || isNumericDate(nbf)) &&
    isNumericDate(auth_time) &&
    isStringArray(amr) &&
    isStringArray(roles)
  if (!isWhole) throw new TokenRefused('invalid_claims')
  const claims: Writable<Claims> = {
    iss: expected.issuer,
    sub,
    user_id,
    sid,
    gen,
    iat,
    exp,
    auth_time,
    amr,
    roles,
  }
  if (expected.audience !== undefined) claims.aud = expected.audience
  if (jti !== undefined) claims.jti = jti
  Object.freeze(amr)
  Object.freeze(roles)
  Object.freeze(claims)
  return { claims, expiresAtMs: exp * 1000, notBeforeMs: nbf === undefined ? -Infinity : nbf * 1000 }
}

/** Whole seconds since the epoch (RFC 7519, section 2), within what a `Date` can hold. */
const isNumericDate = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 8_640_000_000_000

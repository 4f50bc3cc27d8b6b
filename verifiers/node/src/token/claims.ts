import type { Claims } from '../token-types.ts'
import { isGeneration, isSessionId, isStringArray, isUserId } from './json-values.ts'
import { TokenRefused } from './token-refused.ts'

export interface ExpectedClaims {
  readonly issuer: string
  /** If undefined, tokens must carry no `aud`. */
  readonly audience: string | undefined
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

/** Well-formed claims and the times of their validity in epoch milliseconds. */
export interface CheckedClaims {
  readonly claims: Claims
  readonly expiresAtMs: number
  readonly notBeforeMs: number
  /** Proves to the service that this token was seen. Undefined if the token has none. */
  readonly receiptProof: string | undefined
}

/**
 * Reads the claims of an access token (RFC 9068, section 2.2) from a JSON object and freezes them. Throws `TokenRefused`
 * with `wrong_issuer`, `wrong_audience` or `invalid_claims`. Does not check times.
 */
export function readClaims(json: Record<string, unknown>, expected: ExpectedClaims): CheckedClaims {
  const { iss, aud, sub, user_id, sid, gen, jti, iat, exp, nbf, auth_time, amr, roles, rcp } = json
  if (iss !== expected.issuer) throw new TokenRefused('wrong_issuer')
  if (aud !== expected.audience) throw new TokenRefused('wrong_audience')
  const isComplete =
    isUserId(user_id) &&
    sub === String(user_id) &&
    isSessionId(sid) &&
    isGeneration(gen) &&
    isOptionalText(jti) &&
    isOptionalText(rcp) &&
    isNumericDate(iat) &&
    isNumericDate(exp) &&
    (nbf === undefined || isNumericDate(nbf)) &&
    isNumericDate(auth_time) &&
    isStringArray(amr) &&
    isStringArray(roles)
  if (!isComplete) throw new TokenRefused('invalid_claims')
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
  return {
    claims,
    expiresAtMs: exp * 1000,
    notBeforeMs: nbf === undefined ? -Infinity : nbf * 1000,
    receiptProof: rcp,
  }
}

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string'

/** Whole seconds since the epoch (RFC 7519, section 2), within the range of a `Date`. */
export const isNumericDate = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 8_640_000_000_000

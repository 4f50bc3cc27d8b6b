import type { DeliveryClaims } from '../token-types.ts'
import { isNumericDate } from './claims.ts'
import { isUserId } from './json-values.ts'
import { TokenRefused } from './token-refused.ts'

/** Well-formed claims and the times of their validity in epoch milliseconds. */
export interface CheckedDelivery {
  readonly claims: DeliveryClaims
  readonly expiresAtMs: number
  readonly notBeforeMs: number
}

/**
 * Reads the claims of a delivery token from a JSON object and freezes them. It has no audience and no session. Throws
 * `TokenRefused` with `wrong_issuer`, `wrong_audience` or `invalid_claims`. Does not check times.
 */
export function readDeliveryClaims(json: Record<string, unknown>, issuer: string): CheckedDelivery {
  const { iss, aud, sub, user_id, jti, iat, exp, nbf } = json
  if (iss !== issuer) throw new TokenRefused('wrong_issuer')
  if (aud !== undefined) throw new TokenRefused('wrong_audience')
  const isComplete =
    isUserId(user_id) &&
    sub === String(user_id) &&
    typeof jti === 'string' &&
    isNumericDate(iat) &&
    isNumericDate(exp) &&
    (nbf === undefined || isNumericDate(nbf))
  if (!isComplete) throw new TokenRefused('invalid_claims')
  return {
    claims: Object.freeze({ iss: issuer, sub, user_id, jti, iat, exp }),
    expiresAtMs: exp * 1000,
    notBeforeMs: nbf === undefined ? -Infinity : nbf * 1000,
  }
}

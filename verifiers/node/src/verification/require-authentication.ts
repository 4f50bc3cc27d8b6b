import { isStringArray } from '../token/json-values.ts'
import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'

/** The clocks of two instances of the service differ by less than this. */
const CLOCKS_APART_SECONDS = 60

/** Throws a `TypeError` that names the requirement and what it must be. */
export function checkRequirements({ maxAgeSeconds, amr }: AuthenticationRequirements): void {
  // 0 would refuse every token: `auth_time` is a whole second, and the call takes time.
  if (maxAgeSeconds !== undefined && !(Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds >= 1)) {
    throw new TypeError('verify, requirement maxAgeSeconds: must be a whole number, 1 or more')
  }
  if (amr !== undefined && !isStringArray(amr)) {
    throw new TypeError('verify, requirement amr: must be a list of methods, such as ["otp"]')
  }
}

/**
 * Throws `TokenRefused` with `reauthentication_required` unless the user authenticated as required (RFC 9470), or with
 * `unavailable` if `nowMs` is not known.
 */
export function requireAuthentication(
  claims: Claims,
  { maxAgeSeconds = Infinity, amr = [] }: AuthenticationRequirements,
  nowMs: number,
): void {
  if (maxAgeSeconds !== Infinity && Number.isNaN(nowMs)) throw new TokenRefused('unavailable')
  // One in the future was made by a clock that was ahead, and would be recent for as long.
  const isRecent =
    maxAgeSeconds === Infinity ||
    (nowMs <= (claims.auth_time + maxAgeSeconds) * 1000 &&
      nowMs >= (claims.auth_time - CLOCKS_APART_SECONDS) * 1000)
  if (isRecent && amr.every((method) => claims.amr.includes(method))) return
  const limit = maxAgeSeconds === Infinity ? {} : { maxAgeSeconds }
  throw new TokenRefused('reauthentication_required', limit)
}

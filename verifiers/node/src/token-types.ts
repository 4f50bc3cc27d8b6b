/**
 * The claims of an access token (RFC 9068, section 2.2), frozen. Times are NumericDates (RFC 7519, section 2): seconds.
 *
 * @example
 * ```ts
 * const canDelete = (claims: Claims): boolean => claims.roles.includes('moderator')
 * ```
 */
export interface Claims {
  readonly iss: string
  readonly aud?: string
  /** The user id as a string. */
  readonly sub: string
  readonly user_id: number
  /** The session id. */
  readonly sid: string
  /** The generation of the session: 0 after sign-in, one more with each refresh. */
  readonly gen: number
  readonly jti?: string
  /** When the token was issued. */
  readonly iat: number
  /** The first moment at which the token is no longer valid. */
  readonly exp: number
  /** When the user signed in. */
  readonly auth_time: number
  /** How the user signed in (RFC 8176). */
  readonly amr: readonly string[]
  readonly roles: readonly string[]
}

/**
 * The claims of a delivery token, frozen. Times are NumericDates (RFC 7519, section 2): seconds.
 *
 * @example
 * ```ts
 * const { user_id, jti }: DeliveryClaims = await verifier.verifyDelivery(token)
 * ```
 */
export interface DeliveryClaims {
  readonly iss: string
  /** The user id as a string. */
  readonly sub: string
  /** The user whom the call is about. */
  readonly user_id: number
  /** Another one at each attempt. */
  readonly jti: string
  /** When the token was issued. With a shared secret, 30 seconds before. */
  readonly iat: number
  /** The first moment at which the token is no longer valid. */
  readonly exp: number
}

/**
 * Requirements on the authentication behind a token, for calls that a stolen token must not make (RFC 9470).
 *
 * @example
 * ```ts
 * const forPayments: AuthenticationRequirements = { maxAgeSeconds: 300, amr: ['otp'] }
 * await verifier.verify(token, forPayments)
 * ```
 */
export interface AuthenticationRequirements {
  /** The user authenticated at most this many seconds ago, by `auth_time`. A whole number, at least 1. */
  readonly maxAgeSeconds?: number | undefined
  /** Methods that the user must have used, all of them (RFC 8176). Today chat-auth knows `pwd` only. */
  readonly amr?: readonly string[] | undefined
}

/**
 * A session that has ended, and why.
 *
 * @example
 * ```ts
 * verifier.onSessionEnded(({ sid, userId, reason }: SessionEnd) => presence.remove(userId, sid, reason))
 * ```
 */
export interface SessionEnd {
  readonly sid: string
  readonly userId: number
  /** Such as `signed_out` or `password_changed`. */
  readonly reason: string
}

/**
 * Why a token or ticket was refused. With `stale` and `unavailable` the token was not judged: keep it and retry later.
 *
 * @example
 * ```ts
 * const isRetryable = (code: RefusalCode): boolean => code === 'stale' || code === 'unavailable'
 * ```
 */
export type RefusalCode =
  | 'malformed_token'
  | 'unknown_key'
  | 'wrong_algorithm'
  | 'bad_signature'
  | 'wrong_type'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'invalid_claims'
  | 'session_ended'
  | 'token_outdated'
  | 'reauthentication_required'
  | 'stale'
  | 'unavailable'
  | 'ticket_gone'
  | 'origin_mismatch'

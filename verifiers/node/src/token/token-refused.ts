import type { RefusalCode } from '../token-types.ts'

/** For the developer who reads the log. Clients get the texts of the adapters. */
const messages: Readonly<Record<RefusalCode, string>> = {
  malformed_token: 'This is not a token of the auth service. Send the access token as it was issued.',
  unknown_key:
    'No published key has the kid of this token. Sign in at the auth service that this verifier belongs to.',
  wrong_algorithm: 'The algorithm of the token does not fit its key. Send the access token as it was issued.',
  bad_signature: 'The signature is invalid. Send the access token as it was issued.',
  wrong_type:
    'This is another kind of token. verify accepts access tokens (typ at+jwt), and verifyDelivery those of deliveries (delivery+jwt).',
  wrong_issuer: 'The token has another issuer. Compare the option issuer with TOKEN_ISSUER of the service.',
  wrong_audience:
    'The token has another audience. Compare the option audience with TOKEN_AUDIENCE of the service.',
  expired: 'The token has expired. Refresh the session.',
  not_yet_valid: 'The token is not valid yet. Try again later.',
  invalid_claims: 'The claims are not those of an access token. Send the access token as it was issued.',
  session_ended: 'The session has ended. Sign in again.',
  token_outdated:
    'The roles have changed since this token was issued, or newer tokens replaced it. Refresh the session and try again.',
  reauthentication_required:
    'The user authenticated too long ago, or by other means than required. Ask for the password again.',
  stale: 'It is not known which sessions have ended. Try again shortly.',
  unavailable: 'The auth service did not respond. Try again shortly.',
  ticket_gone: 'The ticket was used, has expired or is unknown. Request a new one.',
  origin_mismatch: 'The ticket belongs to another origin. Request a new one from the page that uses it.',
}

/**
 * Thrown for a token or ticket that must not be accepted. `code` is stable; the message never contains the token.
 *
 * @example
 * ```ts
 * try {
 *   await verifier.verify(token)
 * } catch (error) {
 *   if (error instanceof TokenRefused && error.code === 'session_ended') console.log(error.reason)
 * }
 * ```
 */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly code: RefusalCode
  /** Why the session ended. Present with `session_ended` only, and only if the reason is known. */
  readonly reason?: string
  /** Seconds. Present with `reauthentication_required` only, if the age of the authentication was limited. */
  readonly maxAgeSeconds?: number

  /** `message` replaces the default message of `code`. */
  constructor(
    code: RefusalCode,
    { reason, maxAgeSeconds, message }: { reason?: string; maxAgeSeconds?: number; message?: string } = {},
  ) {
    super(message ?? messages[code])
    this.code = code
    if (reason !== undefined) this.reason = reason
    if (maxAgeSeconds !== undefined) this.maxAgeSeconds = maxAgeSeconds
  }
}

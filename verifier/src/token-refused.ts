import type { RefusalCode } from './types.ts'

/** What each refusal says: to the developer who reads the log, never to the person. */
const messages: Readonly<Record<RefusalCode, string>> = {
  malformed_token: 'This is not a token of the auth service; send the access token as it was issued.',
  unknown_key:
    'No published key has the kid of this token; sign in at the auth service this verifier belongs to.',
  wrong_algorithm:
    'The token names another algorithm than its key has; send the access token as it was issued.',
  bad_signature: 'The signature does not match; send the access token as it was issued.',
  wrong_type: 'This is not an access token (typ at+jwt); send the access token, not another one.',
  wrong_issuer:
    'The token is of another issuer; check the option issuer against TOKEN_ISSUER of the service.',
  wrong_audience:
    'The token is for another audience; check the option audience against TOKEN_AUDIENCE of the service.',
  expired: 'The token has expired; refresh it.',
  not_yet_valid: 'The token is not valid yet; try again later.',
  invalid_claims: 'The claims are not those of an access token; send the access token as it was issued.',
  session_ended: 'The session has ended; sign in again.',
  token_outdated:
    'Newer tokens of this session say something else, as of its roles; refresh it and try again.',
  stale: 'Which sessions have ended is not known for certain at the moment; try again shortly.',
  unavailable: 'The auth service cannot be asked at the moment; try again shortly.',
  ticket_gone: 'The ticket was used, has expired or never existed; ask for a new one.',
  origin_mismatch: 'The ticket was bound to another origin; ask for a new one from the page that uses it.',
}

/** A token or ticket that must not be honoured. Its message never holds the token. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly code: RefusalCode
  /** Why the session ended; only with `session_ended`, and only where it is known. */
  readonly reason?: string

  /** `message` is for a case that the usual words of `code` do not fit. */
  constructor(code: RefusalCode, { reason, message }: { reason?: string; message?: string } = {}) {
    super(message ?? messages[code])
    this.code = code
    if (reason !== undefined) this.reason = reason
  }
}

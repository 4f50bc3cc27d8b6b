import { ApplicationError } from '../../application/errors.ts'
import { problemTypes, type ProblemCode } from '../../interface-adapters/http/problem-types.ts'
import { TransportError } from '../../interface-adapters/http/transport-error.ts'

/** The headers of an error response: RFC 9110 and, for WWW-Authenticate, RFC 6750 and RFC 9470, section 3 of both. */
export function problemHeaders(error: ApplicationError | TransportError): Record<string, string> {
  const headers: Record<string, string> = {}
  if (problemTypes[error.code].status === 401) headers['www-authenticate'] = challenge(error.code)
  if (error instanceof TransportError) {
    const { allow, scope } = error.details
    if (allow !== undefined) headers['allow'] = allow.join(', ')
    if (scope !== undefined)
      headers['www-authenticate'] = `${REALM}, error="insufficient_scope", scope="${scope}"`
  }
  if (error instanceof ApplicationError) {
    const { retryAfterSeconds, maxAgeSeconds } = error.details
    if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds)
    if (maxAgeSeconds !== undefined)
      headers['www-authenticate'] =
        `${REALM}, error="insufficient_user_authentication", max_age="${maxAgeSeconds}"`
  }
  return headers
}

const REALM = 'Bearer realm="chat-auth"'
const TOKEN_ERRORS: readonly ProblemCode[] = ['invalid_access_token', 'session_ended', 'invalid_service_key']

function challenge(code: ProblemCode): string {
  return TOKEN_ERRORS.includes(code)
    ? `${REALM}, error="invalid_token", error_description="${problemTypes[code].title}"`
    : REALM
}

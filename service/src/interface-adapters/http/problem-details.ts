import type { ErrorCode, ErrorDetails, FieldProblem } from '../../application/errors.ts'
import { ApplicationError } from '../../application/errors.ts'

/** What goes wrong before or beside the use cases. */
export type TransportErrorCode =
  | 'malformed_request'
  | 'invalid_service_key'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'header_too_large'
  | 'internal_error'

export type ProblemCode = ErrorCode | TransportErrorCode

interface ProblemType {
  readonly status: number
  readonly title: string
  /** What happened and what to do about it; `detail` unless the refusal has a better word. */
  readonly advice: string
}

/** Every error this service answers with; docs/errors.md says the same, and a test holds them together. */
export const problemTypes = {
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    advice:
      'The request could not be read. Send well-formed JSON without duplicate framing or prototype keys.',
  },
  authentication_required: {
    status: 401,
    title: 'Authentication required',
    advice: 'Send an access token as "Authorization: Bearer <token>".',
  },
  invalid_access_token: {
    status: 401,
    title: 'Invalid access token',
    advice: 'The access token is malformed, expired or not ours. Refresh the session, or sign in again.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    advice: 'The name or the password is wrong. Check both and try again.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    advice: 'The refresh token belongs to no session. Sign in again.',
  },
  refresh_token_reused: {
    status: 401,
    title: 'Refresh token reused',
    advice:
      'A spent refresh token was used again, so somebody may hold a copy; the session was ended. Sign in again.',
  },
  session_ended: {
    status: 401,
    title: 'Session ended',
    advice: 'The session is over; "reason" says why. Sign in again.',
  },
  invalid_service_key: {
    status: 401,
    title: 'Invalid service key',
    advice: 'Send one of the keys in SERVICE_KEYS as "Authorization: Bearer <key>".',
  },
  user_disabled: {
    status: 403,
    title: 'User disabled',
    advice: 'This person was disabled by an operator. Turn to them.',
  },
  origin_mismatch: {
    status: 403,
    title: 'Origin mismatch',
    advice:
      'The ticket was given to another web page and is spent now. Pass on the Origin header of the socket; ask for a new ticket.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    advice: 'Nothing is served under this path. The documentation is at /docs.',
  },
  session_not_found: {
    status: 404,
    title: 'Session not found',
    advice: 'None of these sessions has this id. Read their list again.',
  },
  user_not_found: {
    status: 404,
    title: 'User not found',
    advice: 'There is no user with this id.',
  },
  delivery_not_found: {
    status: 404,
    title: 'Delivery not found',
    advice: 'There is no delivery with this id, or it was done meanwhile. List them with GET /v1/outbox.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    advice: 'This path is not served with this method; the Allow header lists those it is.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    advice: 'The request took too long to arrive. Send it again on a better connection.',
  },
  username_taken: {
    status: 409,
    title: 'Username taken',
    advice: 'Somebody has this name, or one that looks like it. Choose another.',
  },
  email_taken: {
    status: 409,
    title: 'E-mail address taken',
    advice: 'This address belongs to another account. Sign in to that one, or use another address.',
  },
  no_signing_keys: {
    status: 409,
    title: 'No signing keys',
    advice:
      'With TOKEN_ALGORITHM=HS256 tokens are signed with TOKEN_SHARED_SECRET, which is changed in the settings, everywhere at once.',
  },
  ticket_gone: {
    status: 410,
    title: 'Ticket gone',
    advice:
      'The ticket was used, has expired or is unknown, or its session has ended. Ask for a new one with POST /v1/tickets.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    advice: 'The body is larger than this route takes. Send less.',
  },
  picture_too_large: {
    status: 413,
    title: 'Picture too large',
    advice: 'The picture has more than 2 MiB. Choose a smaller one, or make it smaller.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    advice:
      'Send the body as "Content-Type: application/json", a picture as "multipart/form-data", without Content-Encoding.',
  },
  unsupported_picture: {
    status: 415,
    title: 'Unsupported picture',
    advice: 'The file is no PNG, JPEG or WebP picture, whatever it is called. Choose another.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    advice: 'The only expectation this service meets is "Expect: 100-continue". Leave the Expect header out.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    advice: 'One or more fields were refused; "errors" names each and says why.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    advice: 'Wait as long as Retry-After says, then try again.',
  },
  header_too_large: {
    status: 431,
    title: 'Header too large',
    advice: 'The request headers are larger than 16 KiB. Send less, cookies for instance.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    advice: 'Something failed on our side. Quote request_id when you report it.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    advice: 'Too many passwords or pictures are being worked on at the moment. Try again after Retry-After.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    advice: 'The database cannot be reached at the moment. Try again after Retry-After; tokens stay valid.',
  },
} as const satisfies Record<ProblemCode, ProblemType>

export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly request_id: string
  readonly reason?: string
  readonly errors?: readonly FieldProblem[]
}

/** A refusal by the transport itself. */
export class TransportError extends Error {
  readonly code: TransportErrorCode
  readonly allow: readonly string[]

  constructor(code: TransportErrorCode, allow: readonly string[] = []) {
    super(problemTypes[code].title)
    this.name = 'TransportError'
    this.code = code
    this.allow = allow
  }
}

/** The body of an error answer (RFC 9457), built of the code and nothing the failure itself says. */
export function problemDetails(
  code: ProblemCode,
  requestId: string,
  publicUrl: string,
  details: ErrorDetails = {},
): ProblemDetails {
  const { status, title, advice } = problemTypes[code]
  return {
    type: `${publicUrl}/errors/${code}`,
    title,
    status,
    detail: details.detail ?? advice,
    code,
    request_id: requestId,
    ...(details.reason !== undefined && { reason: details.reason }),
    ...(details.fields !== undefined && { errors: details.fields }),
  }
}

/** The headers that go with an error: RFC 9110 and, for WWW-Authenticate, RFC 6750, section 3. */
export function problemHeaders(error: ApplicationError | TransportError): Record<string, string> {
  const headers: Record<string, string> = {}
  if (problemTypes[error.code].status === 401) headers['www-authenticate'] = challenge(error.code)
  if (error instanceof TransportError && error.allow.length > 0) headers['allow'] = error.allow.join(', ')
  if (error instanceof ApplicationError && error.details.retryAfterSeconds !== undefined) {
    headers['retry-after'] = String(error.details.retryAfterSeconds)
  }
  return headers
}

const TOKEN_ERRORS: readonly ProblemCode[] = ['invalid_access_token', 'session_ended', 'invalid_service_key']

function challenge(code: ProblemCode): string {
  const realm = 'Bearer realm="chat-auth"'
  return TOKEN_ERRORS.includes(code)
    ? `${realm}, error="invalid_token", error_description="${problemTypes[code].title}"`
    : realm
}

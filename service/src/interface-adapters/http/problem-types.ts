import type { ErrorCode } from '../../application/errors.ts'
import { factorProblems } from './factor-problems.ts'
import type { ProblemType } from './problem-type.ts'

/** Errors that arise outside the use cases: in HTTP itself, or in the service. */
export type TransportErrorCode =
  | 'malformed_request'
  | 'invalid_service_key'
  | 'insufficient_scope'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'header_too_large'
  | 'internal_error'

export type ProblemCode = ErrorCode | TransportErrorCode

/** Every error the service responds with. A test compares this table with docs/errors.md. */
export const problemTypes = {
  ...factorProblems,
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    advice:
      'The request cannot be read. Send one Host header, one kind of framing, and well-formed JSON in UTF-8 without keys such as "__proto__".',
  },
  authentication_required: {
    status: 401,
    title: 'Authentication required',
    advice: 'The request has no access token. Send one as "Authorization: Bearer <token>".',
  },
  invalid_access_token: {
    status: 401,
    title: 'Invalid access token',
    advice:
      'The access token is malformed, expired or from another issuer. Refresh the session, or sign in again.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    advice: 'The username, the e-mail address or the password is wrong. Check them and try again.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    advice: 'No session has this refresh token. Sign in again.',
  },
  refresh_token_reused: {
    status: 401,
    title: 'Refresh token reused',
    advice:
      'This refresh token had already been used, so someone else may have a copy. The session was ended. Sign in again.',
  },
  session_ended: {
    status: 401,
    title: 'Session ended',
    advice: 'The session has ended; "reason" says why. Sign in again.',
  },
  reauthentication_required: {
    status: 401,
    title: 'Reauthentication required',
    advice:
      'The session is valid, but the user authenticated too long ago for this. Ask for the password, or for a code if "factors" is there, call POST /v1/sessions/current/reauthenticate, and repeat the request with the new token.',
  },
  invalid_service_key: {
    status: 401,
    title: 'Invalid service key',
    advice:
      'The service key is missing or wrong. Send the secret of one of the SERVICE_KEYS as "Authorization: Bearer <secret>".',
  },
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    advice:
      'The service key is right, but does not have the scope that WWW-Authenticate names. Use a key with that scope, or add it to this key in SERVICE_KEYS.',
  },
  insufficient_role: {
    status: 403,
    title: 'Insufficient role',
    advice:
      'Your roles do not allow this. Moderators change users without the role moderator or admin, admins change all others, and nobody bans themselves or sets their own roles. Ask an admin.',
  },
  registration_closed: {
    status: 403,
    title: 'Registration closed',
    advice: 'Nobody can sign up here at the moment. Ask the operator of this service for an account.',
  },
  invalid_invitation: {
    status: 403,
    title: 'Invalid invitation',
    advice:
      'Signing up needs a valid invitation. The one in the request is missing, wrong, used up or expired. Ask for another.',
  },
  user_disabled: {
    status: 403,
    title: 'User disabled',
    advice: 'An operator has disabled this account. Contact the operator of this service.',
  },
  origin_mismatch: {
    status: 403,
    title: 'Origin mismatch',
    advice:
      'The ticket was issued to a web page of another origin, and cannot be used any more. Send the Origin header of the socket, and get a new ticket.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    advice: 'Nothing is served at this path. The documentation is at /docs.',
  },
  session_not_found: {
    status: 404,
    title: 'Session not found',
    advice: 'No session with this id. Fetch the list of sessions again.',
  },
  user_not_found: {
    status: 404,
    title: 'User not found',
    advice: 'No user with this id. Check the id.',
  },
  invitation_not_found: {
    status: 404,
    title: 'Invitation not found',
    advice: 'No invitation with this id; it may have been revoked. Fetch the list with GET /v1/invitations.',
  },
  delivery_not_found: {
    status: 404,
    title: 'Delivery not found',
    advice:
      'No delivery with this id; it may have been delivered already. Fetch the list with GET /v1/outbox.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    advice: 'This path does not support this method. Use one of the methods in the Allow header.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    advice: 'The request did not arrive in time. Send it again.',
  },
  username_taken: {
    status: 409,
    title: 'Username taken',
    advice: 'This username, or one that looks like it, is taken or still reserved. Choose another.',
  },
  email_taken: {
    status: 409,
    title: 'E-mail address taken',
    advice:
      'This e-mail address belongs to another account. Sign in to that account, or use another address.',
  },
  no_signing_keys: {
    status: 409,
    title: 'No signing keys',
    advice:
      'There are no keys to rotate: with TOKEN_ALGORITHM=HS256, tokens are signed with TOKEN_SHARED_SECRET. Change that setting on every instance at the same time.',
  },
  no_messaging: {
    status: 409,
    title: 'No messaging service',
    advice:
      'There is no messaging service to send to: MESSAGING_URL is not set. Set it on every instance and start them again.',
  },
  no_mail: {
    status: 409,
    title: 'No mail',
    advice:
      'This service sends no mail, so nothing was sent. Ask the operator of this service, who can set SMTP_URL and MAIL_FROM.',
  },
  ticket_gone: {
    status: 410,
    title: 'Ticket gone',
    advice:
      'The ticket was used, has expired or is unknown, or its session has ended. Get a new one with POST /v1/tickets.',
  },
  link_gone: {
    status: 410,
    title: 'Link gone',
    advice:
      'The link was used, has expired or is incomplete, or a later change made it void. Ask for a new one if you still need it.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    advice: 'The request body is larger than this route allows. Send less.',
  },
  picture_too_large: {
    status: 413,
    title: 'Picture too large',
    advice: 'The picture is larger than 2 MiB. Choose a smaller one, or reduce its size.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    advice:
      'The type or encoding of the body is not supported. Send JSON as "application/json", or a picture as "multipart/form-data", without Content-Encoding.',
  },
  unsupported_picture: {
    status: 415,
    title: 'Unsupported picture',
    advice: 'The file is not a PNG, JPEG or WebP picture, whatever its name says. Choose another.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    advice: 'Only "Expect: 100-continue" is supported. Remove the Expect header.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    advice: 'One or more fields are invalid. "errors" names each of them and says why.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    advice: 'There were too many attempts. Wait for the number of seconds in Retry-After, then try again.',
  },
  header_too_large: {
    status: 431,
    title: 'Header too large',
    advice:
      'The request headers are larger than 16 KiB. Send fewer or shorter headers; no cookies are needed.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    advice: 'Something failed in the service. Try again later; if you report it, include request_id.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    advice:
      'The service is busy with other passwords or pictures. Try again after the number of seconds in Retry-After.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    advice:
      'The service cannot process the request at the moment. Keep your tokens, and try again after the number of seconds in Retry-After.',
  },
} as const satisfies Record<ProblemCode, ProblemType>

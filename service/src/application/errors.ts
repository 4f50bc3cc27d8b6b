import type { InvalidValueCode } from '../domain/invalid-value.ts'
import type { EndReason } from '../domain/session.ts'

/** What the service refuses, as a closed list. Each has a status in problem-details.ts and a row in docs/errors.md. */
export type ErrorCode =
  | 'validation_failed'
  | 'authentication_required'
  | 'invalid_access_token'
  | 'invalid_credentials'
  | 'invalid_refresh_token'
  | 'refresh_token_reused'
  | 'session_ended'
  | 'session_not_found'
  | 'delivery_not_found'
  | 'ticket_gone'
  | 'origin_mismatch'
  | 'user_disabled'
  | 'user_not_found'
  | 'username_taken'
  | 'email_taken'
  | 'no_signing_keys'
  | 'picture_too_large'
  | 'unsupported_picture'
  | 'too_many_attempts'
  | 'overloaded'
  | 'unavailable'

export interface FieldProblem {
  readonly field: string
  readonly code: InvalidValueCode
  readonly message: string
}

export interface ErrorDetails {
  /** Said to the caller in place of the code's standing sentence. Never holds a secret. */
  readonly detail?: string
  readonly fields?: readonly FieldProblem[]
  /** Why the session ended, with `session_ended`. */
  readonly reason?: EndReason
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** A refusal the caller is told about. Anything else that is thrown is a fault and becomes a 500. */
export class ApplicationError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.detail ?? code, { cause: details.cause })
    this.name = 'ApplicationError'
    this.code = code
    this.details = details
  }
}

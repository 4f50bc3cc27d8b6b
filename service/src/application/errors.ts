import type { InvalidValueCode } from '../domain/invalid-value.ts'
import type { OfferedFactor } from '../domain/second-factor.ts'
import type { ProofChallenge } from './ports/proof-of-work.ts'

/** Every error of the application, as a closed list. Each has a status in problem-types.ts and a row in docs/errors.md. */
export type ErrorCode =
  | 'validation_failed'
  | 'authentication_required'
  | 'invalid_access_token'
  | 'invalid_credentials'
  | 'invalid_code'
  | 'invalid_refresh_token'
  | 'refresh_token_reused'
  | 'session_ended'
  | 'reauthentication_required'
  | 'session_not_found'
  | 'delivery_not_found'
  | 'ticket_gone'
  | 'link_gone'
  | 'challenge_gone'
  | 'factor_exists'
  | 'factor_not_found'
  | 'second_factor_required'
  | 'origin_mismatch'
  | 'insufficient_role'
  | 'registration_closed'
  | 'invalid_invitation'
  | 'invitation_not_found'
  | 'user_disabled'
  | 'user_not_found'
  | 'username_taken'
  | 'email_taken'
  | 'no_signing_keys'
  | 'no_messaging'
  | 'no_mail'
  | 'picture_too_large'
  | 'unsupported_picture'
  | 'too_many_attempts'
  | 'overloaded'
  | 'unavailable'

/** Codes that every use case may throw. A use case's own list leaves them out. */
export const commonErrors = ['unavailable'] as const satisfies readonly ErrorCode[]

export interface FieldProblem {
  readonly field: string
  readonly code: InvalidValueCode
  readonly message: string
}

export interface ErrorDetails {
  /** Replaces the general sentence of the code in the response. Never holds a secret. */
  readonly detail?: string
  readonly fields?: readonly FieldProblem[]
  /** Why the session ended, with `session_ended`; the reason given to the user, with `user_disabled`. */
  readonly reason?: string
  /** When the ban ends, with `user_disabled`. */
  readonly until?: Date
  readonly retryAfterSeconds?: number
  /** How old the authentication may be, with `reauthentication_required`. */
  readonly maxAgeSeconds?: number
  /** One of them must have been used, with `reauthentication_required`. */
  readonly factors?: readonly OfferedFactor[]
  /** The work that buys the attempt, with `too_many_attempts`. */
  readonly challenge?: ProofChallenge
  readonly cause?: unknown
}

/**
 * The service cannot process a request at the moment, for a reason that is not the caller's. `reason` is a sentence for
 * the caller; `cause` is for the log.
 */
export const unavailable = (reason: string, retryAfterSeconds: number, cause?: unknown): ApplicationError =>
  new ApplicationError('unavailable', {
    detail: `${reason} Keep your tokens, and try again after the number of seconds in Retry-After.`,
    retryAfterSeconds,
    cause,
  })

/** An error that the caller sees. Any other error is a fault and becomes a 500. */
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

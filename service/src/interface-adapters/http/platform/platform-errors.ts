import type { preSerializationHookHandler } from 'fastify'
import type { ProblemBody } from '../problem-body.ts'
import type { ProblemCode } from '../problem-types.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The form fields at which a client shows an error that is about none of its fields. */
    readonly shownAt?: readonly string[]
  }
}

export interface PlatformProblem extends ProblemBody {
  /** The messages that the platform's frontend shows, by form field. */
  readonly details: Readonly<Record<string, string>>
}

/** Errors that belong to fields without naming them. A failed sign-in must not reveal which field is wrong. */
const FIELDS_OF: Partial<Record<ProblemCode, readonly string[]>> = {
  invalid_credentials: ['username', 'password'],
  user_disabled: ['username', 'password'],
  second_factor_required: ['username', 'password'],
  username_taken: ['username'],
  email_taken: ['email'],
  picture_too_large: ['avatar'],
  unsupported_picture: ['avatar'],
}

const UNREADABLE = 'The service cannot read the request of this page. Reload the page and try again.'
const SIGNED_OUT = 'You are signed out. Sign in again.'

/** Where the advice of a code is for developers. The frontend shows `details` to users. */
const FOR_USERS: Partial<Record<ProblemCode, string>> = {
  malformed_request: UNREADABLE,
  unsupported_media_type: UNREADABLE,
  header_too_large: UNREADABLE,
  request_timeout: 'The connection is too slow. Try again.',
  payload_too_large: 'This is too long. Shorten it.',
  authentication_required: SIGNED_OUT,
  invalid_access_token: SIGNED_OUT,
  session_ended: SIGNED_OUT,
  invalid_refresh_token: SIGNED_OUT,
  refresh_token_reused: SIGNED_OUT,
  invalid_invitation: 'Signing up needs an invitation. Ask the operator of this service.',
  second_factor_required:
    'This account has a second factor, and this page cannot ask for the code. Sign in with an app or a page that does.',
  too_many_attempts: 'There were too many attempts.',
  overloaded: 'The service is busy at the moment.',
  unavailable: 'The service is not available at the moment.',
  internal_error: 'Something failed in the service. Try again later.',
}

/** The profile form has no field for the current password, so its errors are shown at the e-mail address. */
const SHOWN_AS = new Map([['current_password', 'email']])

/** Adds `details`, which the platform's clients read, to the members of RFC 9457. */
export function platformProblem(
  problem: ProblemBody,
  shownAt: readonly string[] = [],
  retryAfterSeconds?: number,
): PlatformProblem {
  const { code, detail, errors } = problem
  const text = (FOR_USERS[code] ?? detail) + waitText(retryAfterSeconds)
  const messages =
    errors?.map(({ field, message }) => [SHOWN_AS.get(field) ?? field, message] as const) ??
    (FIELDS_OF[code] ?? shownAt).map((field) => [field, text] as const)
  return { ...problem, details: Object.fromEntries(messages) }
}

function waitText(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  // Rounded up: an attempt that is too early would be refused again.
  const [count, unit] =
    seconds <= 90
      ? [seconds, 'second']
      : seconds <= 5_400
        ? [Math.ceil(seconds / 60), 'minute']
        : [Math.ceil(seconds / 3_600), 'hour']
  return ` Try again in ${count} ${unit}${count === 1 ? '' : 's'}.`
}

/** A hook that adds `details` to the errors of a scope. */
export const asPlatformProblem: preSerializationHookHandler = (request, reply, payload, done) => {
  const isProblem = reply.getHeader('content-type') === 'application/problem+json'
  const { shownAt } = request.routeOptions.config
  if (!isProblem) {
    done(null, payload)
    return
  }
  const retryAfter = reply.getHeader('retry-after')
  const retryAfterSeconds = retryAfter === undefined ? undefined : Number(retryAfter)
  done(null, platformProblem(payload as ProblemBody, shownAt, retryAfterSeconds))
}

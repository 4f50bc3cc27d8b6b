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
  username_taken: ['username'],
  email_taken: ['email'],
  picture_too_large: ['avatar'],
  unsupported_picture: ['avatar'],
}

/** The profile form has no field for the current password, so its errors are shown at the e-mail address. */
const SHOWN_AS = new Map([['current_password', 'email']])

/** Adds `details`, which the platform's clients read, to the members of RFC 9457. */
export function platformProblem(problem: ProblemBody, shownAt: readonly string[] = []): PlatformProblem {
  const { code, detail, errors } = problem
  const messages =
    errors?.map(({ field, message }) => [SHOWN_AS.get(field) ?? field, message] as const) ??
    (FIELDS_OF[code] ?? shownAt).map((field) => [field, detail] as const)
  return { ...problem, details: Object.fromEntries(messages) }
}

/** A hook that adds `details` to the errors of a scope. */
export const asPlatformProblem: preSerializationHookHandler = (request, reply, payload, done) => {
  const isProblem = reply.getHeader('content-type') === 'application/problem+json'
  const { shownAt } = request.routeOptions.config
  done(null, isProblem ? platformProblem(payload as ProblemBody, shownAt) : payload)
}

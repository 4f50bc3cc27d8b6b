import type { preSerializationHookHandler } from 'fastify'
import type { ProblemCode, ProblemDetails } from './problem-details.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where the form that calls this route shows a refusal that is about none of its fields. */
    readonly shownAt?: readonly string[]
  }
}

export interface PlatformProblem extends ProblemDetails {
  /** What the platform's frontend shows, by the field of its forms. */
  readonly details: Readonly<Record<string, string>>
}

/** Refusals that belong to certain fields without naming them. Neither field of a sign-in tells which one is wrong. */
const FIELDS_OF: Partial<Record<ProblemCode, readonly string[]>> = {
  invalid_credentials: ['username', 'password'],
  user_disabled: ['username', 'password'],
  username_taken: ['username'],
  email_taken: ['email'],
  picture_too_large: ['avatar'],
  unsupported_picture: ['avatar'],
}

/** The profile form has no field for the current password: what is missing there is shown at what needs it. */
const SHOWN_AS = new Map([['current_password', 'email']])

/** The problem with what the platform's clients read next to the members of RFC 9457. */
export function platformProblem(problem: ProblemDetails, shownAt: readonly string[] = []): PlatformProblem {
  const { code, detail, errors } = problem
  const messages =
    errors?.map(({ field, message }) => [SHOWN_AS.get(field) ?? field, message] as const) ??
    (FIELDS_OF[code] ?? shownAt).map((field) => [field, detail] as const)
  return { ...problem, details: Object.fromEntries(messages) }
}

/** A hook that gives the refusals of a scope the form above. */
export const asPlatformProblem: preSerializationHookHandler = (request, reply, payload, done) => {
  const isProblem = reply.getHeader('content-type') === 'application/problem+json'
  const { shownAt } = request.routeOptions.config
  done(null, isProblem ? platformProblem(payload as ProblemDetails, shownAt) : payload)
}

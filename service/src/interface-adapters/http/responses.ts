import type { z } from 'zod'
import { commonErrors } from '../../application/errors.ts'
import { requireRecentAuthenticationErrors } from '../../application/sessions/require-recent-authentication.ts'
import { authenticateErrors } from '../../application/sessions/authenticate.ts'
import { problem } from './problem-schemas.ts'
import { problemTypes, type ProblemCode } from './problem-types.ts'

/** Errors that any route may respond with. */
const COMMON: readonly ProblemCode[] = [
  'malformed_request',
  'header_too_large',
  'request_timeout',
  'internal_error',
]
const WITH_BODY: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type', 'validation_failed']
/** A body is received even by a route that expects none. */
export const WITH_STRAY_BODY: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type']
/** For a route that requires an access token. */
export const WITH_TOKEN: readonly ProblemCode[] = [
  'authentication_required',
  ...authenticateErrors,
  ...commonErrors,
]
/** For a route under /v1/admin. */
const WITH_ROLE: readonly ProblemCode[] = [
  ...WITH_TOKEN,
  'insufficient_role',
  // For unknown fields.
  'validation_failed',
]
/** Errors about the service key itself. */
export const KEY_ERRORS: readonly ProblemCode[] = ['invalid_service_key', 'insufficient_scope']
/** For a route that requires a service key. */
export const WITH_SERVICE_KEY: readonly ProblemCode[] = [
  ...KEY_ERRORS,
  // For unknown fields.
  'validation_failed',
  ...commonErrors,
]

/** The errors of an operator route on one listener, from those of its use case. */
export type OperatorErrors = (own: readonly ProblemCode[]) => readonly ProblemCode[]

/** On the internal listener, where roles do not count. */
export const forServices: OperatorErrors = (own) => [
  ...WITH_SERVICE_KEY,
  ...own.filter((code) => code !== 'insufficient_role'),
]

/** Under /v1/admin, where changes need a recent authentication. */
export const forUsers: OperatorErrors = (own) => [
  ...WITH_ROLE,
  ...own,
  ...(own.includes('insufficient_role') ? requireRecentAuthenticationErrors : []),
]

interface Declared {
  readonly [status: number]: z.ZodType | ReturnType<typeof problems>
}

/** The responses of a route, for its schema: success, the given errors, and the errors that any route may have. */
export function responses(
  success: Record<number, z.ZodType>,
  {
    errors = [],
    hasBody = false,
    problemSchema = problem,
  }: { errors?: readonly ProblemCode[]; hasBody?: boolean; problemSchema?: z.ZodType } = {},
): Declared {
  const codes = new Set([...errors, ...(hasBody ? WITH_BODY : []), ...COMMON])
  const byStatus = Map.groupBy(codes, (code) => problemTypes[code].status)
  const failures = [...byStatus].map(([status, codes]) => [status, problems(codes, problemSchema)] as const)
  return { ...success, ...Object.fromEntries(failures) }
}

function problems(codes: readonly ProblemCode[], schema: z.ZodType) {
  const description = codes.map((code) => `\`${code}\`: ${problemTypes[code].advice}`).join('\n\n')
  return { description, content: { 'application/problem+json': { schema } } }
}

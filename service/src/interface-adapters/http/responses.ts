import type { z } from 'zod'
import { problemTypes, type ProblemCode } from './problem-details.ts'
import { problem } from './schemas.ts'

/** What every route may answer besides its own. */
const COMMON: readonly ProblemCode[] = [
  'malformed_request',
  'header_too_large',
  'request_timeout',
  'internal_error',
]
const WITH_BODY: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type', 'validation_failed']
/** A body that a route does not ask for is still received. */
export const WITH_STRAY_BODY: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type']
export const WITH_TOKEN: readonly ProblemCode[] = [
  'authentication_required',
  'invalid_access_token',
  'session_ended',
  'unavailable',
]

interface Declared {
  readonly [status: number]: z.ZodType | ReturnType<typeof problems>
}

/** The answers of a route for its schema: the good one, and the named errors with the common ones. */
export function answers(
  success: Record<number, z.ZodType>,
  {
    errors = [],
    hasBody = false,
    refusal = problem,
  }: { errors?: readonly ProblemCode[]; hasBody?: boolean; refusal?: z.ZodType } = {},
): Declared {
  const codes = new Set([...errors, ...(hasBody ? WITH_BODY : []), ...COMMON])
  const byStatus = Map.groupBy(codes, (code) => problemTypes[code].status)
  const refused = [...byStatus].map(([status, codes]) => [status, problems(codes, refusal)] as const)
  return { ...success, ...Object.fromEntries(refused) }
}

function problems(codes: readonly ProblemCode[], schema: z.ZodType) {
  const description = codes.map((code) => `\`${code}\`: ${problemTypes[code].advice}`).join('\n\n')
  return { description, content: { 'application/problem+json': { schema } } }
}

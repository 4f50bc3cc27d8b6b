import type { ErrorDetails, FieldProblem } from '../../application/errors.ts'
import type { ProofChallenge } from '../../application/ports/proof-of-work.ts'
import type { OfferedFactor } from '../../domain/second-factor.ts'
import { problemTypes, type ProblemCode } from './problem-types.ts'

export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly request_id: string
  readonly reason?: string
  readonly until?: string
  readonly factors?: readonly OfferedFactor[]
  readonly challenge?: ProofChallenge
  readonly errors?: readonly FieldProblem[]
}

/** The body of an error response (RFC 9457). Nothing of the original error is in it but its code and `details`. */
export function problemBody(
  code: ProblemCode,
  requestId: string,
  publicUrl: string,
  details: ErrorDetails = {},
): ProblemBody {
  const { status, title, advice } = problemTypes[code]
  return {
    type: `${publicUrl}/errors/${code}`,
    title,
    status,
    detail: details.detail ?? advice,
    code,
    request_id: requestId,
    ...(details.reason !== undefined && { reason: details.reason }),
    ...(details.until !== undefined && { until: details.until.toISOString() }),
    ...(details.factors !== undefined && { factors: details.factors }),
    ...(details.challenge !== undefined && { challenge: details.challenge }),
    ...(details.fields !== undefined && { errors: details.fields }),
  }
}

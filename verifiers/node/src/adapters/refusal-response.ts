import type { TokenRefused } from '../token/token-refused.ts'
import type { RefusalCode } from '../token-types.ts'
import { TokenMissing } from './bearer-token.ts'

type ProblemCode =
  | 'authentication_required'
  | 'invalid_access_token'
  | 'session_ended'
  | 'token_outdated'
  | 'reauthentication_required'
  | 'unavailable'
  | 'ticket_gone'
  | 'origin_mismatch'

/** Texts for clients: enough to know what to do next, but not which check failed. */
export const problems = {
  authentication_required: {
    status: 401,
    title: 'Authentication required',
    detail: 'Send an access token as "Authorization: Bearer <token>".',
  },
  invalid_access_token: {
    status: 401,
    title: 'Invalid access token',
    detail: 'The access token is malformed, expired or not meant for this service. Refresh the session.',
  },
  session_ended: {
    status: 401,
    title: 'Session ended',
    detail: 'The session has ended; "reason" says why. Sign in again.',
  },
  token_outdated: {
    status: 401,
    title: 'Token outdated',
    detail:
      'The roles have changed since the access token was issued, or newer tokens replaced it. Refresh the session and try again.',
  },
  reauthentication_required: {
    status: 401,
    title: 'Reauthentication required',
    detail:
      'The session is valid, but this needs a recent authentication. Ask the user for it, and repeat the request with the new token.',
  },
  ticket_gone: {
    status: 410,
    title: 'Ticket gone',
    detail: 'The ticket was used, has expired or is unknown. Request a new one.',
  },
  origin_mismatch: {
    status: 403,
    title: 'Origin mismatch',
    detail: 'The ticket was issued to a page of another origin and cannot be used again. Request a new one.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    detail:
      'Access tokens cannot be checked at the moment. Keep yours and try again after Retry-After seconds.',
  },
} as const satisfies Record<ProblemCode, { status: number; title: string; detail: string }>

const problemOf = {
  malformed_token: 'invalid_access_token',
  unknown_key: 'invalid_access_token',
  wrong_algorithm: 'invalid_access_token',
  bad_signature: 'invalid_access_token',
  wrong_type: 'invalid_access_token',
  wrong_issuer: 'invalid_access_token',
  wrong_audience: 'invalid_access_token',
  expired: 'invalid_access_token',
  not_yet_valid: 'invalid_access_token',
  invalid_claims: 'invalid_access_token',
  session_ended: 'session_ended',
  token_outdated: 'token_outdated',
  reauthentication_required: 'reauthentication_required',
  stale: 'unavailable',
  unavailable: 'unavailable',
  ticket_gone: 'ticket_gone',
  origin_mismatch: 'origin_mismatch',
} as const satisfies Record<RefusalCode, ProblemCode>

/** A stale verifier reconnects at least every two seconds. */
const RETRY_AFTER_SECONDS = 2

/** A refusal as problem details (RFC 9457). */
export interface Problem {
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  /** Why the session ended. */
  readonly reason?: string
}

export interface RefusalResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function problemDetails(refusal: TokenRefused): Problem {
  const code = refusal instanceof TokenMissing ? 'authentication_required' : problemOf[refusal.code]
  const { title, status, detail } = problems[code]
  const reason = code === 'session_ended' ? refusal.reason : undefined
  return { title, status, detail, code, ...(reason !== undefined && { reason }) }
}

/** Status, headers and body for a refused request. 401 is used only if the token itself is at fault. */
export function refusalResponse(refusal: TokenRefused): RefusalResponse {
  const problem = problemDetails(refusal)
  const body = JSON.stringify(problem)
  return {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      ...(problem.status === 401 && { 'www-authenticate': challenge(problem.code, refusal) }),
      ...(problem.status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    },
    body,
  }
}

/** A challenge has no error code if the request had no token (RFC 6750, section 3.1). */
function challenge(code: ProblemCode, { maxAgeSeconds }: TokenRefused): string {
  if (code === 'authentication_required') return 'Bearer'
  if (code !== 'reauthentication_required') return 'Bearer error="invalid_token"'
  // RFC 9470, section 3. There is no `acr_values`: these tokens have no `acr`.
  const limit = maxAgeSeconds === undefined ? '' : `, max_age="${maxAgeSeconds}"`
  return `Bearer error="insufficient_user_authentication"${limit}`
}

import { expect } from 'vitest'
import { problemTypes, type ProblemCode } from '../../src/interface-adapters/http/problem-types.ts'
import type { ApiResponse } from './test-client.ts'

/** Words that only appear in internal details of a failure. */
const INSIDES =
  /node_modules|\.[jt]s\b|\bat \S+ \(|\bat (file|async)|stack|\b(select|insert|update|delete) \w|postgres|pglite|pg_|sqlstate|kysely|fastify|FST_|zod|TypeError|Error:|ECONN|undefined|\[object/i

/** The response is exactly this error. `extra` holds the fields it has in addition to the usual ones. */
export function expectProblem(
  response: ApiResponse,
  code: ProblemCode,
  extra: Record<string, unknown> = {},
): void {
  const { status, title, advice } = problemTypes[code]
  expect(response.body).toEqual({
    type: expect.stringMatching(new RegExp(`^https?://[^/]+/errors/${code}$`)) as unknown,
    title,
    status,
    detail: advice,
    code,
    request_id: response.headers.get('x-request-id'),
    ...extra,
  })
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(JSON.stringify(response.body, withoutFieldNames)).not.toMatch(INSIDES)
  expectHeadersOf(response, code)
}

/** The names of refused fields come from the request, so any word may be in them. */
const withoutFieldNames = (key: string, value: unknown): unknown => (key === 'field' ? undefined : value)

function expectHeadersOf({ status, headers }: ApiResponse, code: ProblemCode): void {
  const retryAfter = headers.get('retry-after')
  if (status === 429 || status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/)
  else expect(retryAfter).toBeNull()
  const challenge = headers.get('www-authenticate')
  if (code === 'insufficient_scope') {
    expect(challenge).toMatch(/^Bearer realm="chat-auth", error="insufficient_scope", scope="[a-z:]+"$/)
  } else if (status !== 401) expect(challenge).toBeNull()
  else if (['invalid_access_token', 'session_ended', 'invalid_service_key'].includes(code)) {
    expect(challenge).toBe(
      `Bearer realm="chat-auth", error="invalid_token", error_description="${problemTypes[code].title}"`,
    )
  } else if (code === 'reauthentication_required') {
    expect(challenge).toMatch(
      /^Bearer realm="chat-auth", error="insufficient_user_authentication", max_age="[1-9]\d*"$/,
    )
  } else expect(challenge).toBe('Bearer realm="chat-auth"')
  if (status === 405) expect(headers.get('allow')).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
  else expect(headers.get('allow')).toBeNull()
}

/** Exactly these fields were refused, each with its code and a sentence for the user. */
export function expectRefusedFields(response: ApiResponse, fields: Record<string, string>): void {
  const { errors } = response.body as { errors?: { field: string; code: string }[] }
  const expected = Object.entries(fields).map(([field, code]) => ({
    field,
    code,
    message: expect.stringMatching(/^[A-Z].*[.]$/) as unknown,
  }))
  expect(errors).toEqual(expected)
  expectProblem(response, 'validation_failed', { errors })
}

/** The session has ended for this reason. */
export const expectEnded = (response: ApiResponse, reason: string): void =>
  expectProblem(response, 'session_ended', { reason })

/** The response is a 4xx error that reveals no internal details. */
export function expectRefusal(response: ApiResponse): void {
  expect(response.status).toBeGreaterThanOrEqual(400)
  const { code, errors, reason, detail } = response.body as Record<string, unknown>
  expect(code).toBeOneOf(Object.keys(problemTypes))
  expectProblem(response, code as ProblemCode, {
    ...(errors !== undefined && { errors }),
    ...(reason !== undefined && { reason }),
    detail,
  })
  expect(response.status).toBeLessThan(500)
}

/** The response must not be cached. */
export function expectPrivate({ headers }: ApiResponse): void {
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-request-id')).toMatch(/^[\w.-]{8,64}$/)
}

/** The default picture of a user without one, whose name has one part. */
export const DEFAULT_AVATAR = expect.stringMatching(
  /^http:\/\/localhost:8000\/v1\/media\/avatars\/default-\d{1,2}-512\.png$/,
) as string

export const SESSION = {
  id: expect.stringMatching(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  ) as string,
  device_name: expect.any(String) as string,
  user_agent: expect.any(String) as string,
  last_user_agent: expect.any(String) as string,
  last_ip: expect.any(String) as string,
  ip: expect.any(String) as string,
  created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
  last_seen_at: expect.stringMatching(/Z$/) as string,
  expires_at: expect.stringMatching(/Z$/) as string,
  current: expect.any(Boolean) as boolean,
}

export const TOKENS = {
  access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) as string,
  token_type: 'Bearer',
  // `exp` is a whole number of seconds, so the remaining time can be one second shorter.
  expires_in: expect.toBeOneOf([599, 600]) as number,
  refresh_token: expect.stringMatching(/^[\w-]{80,}$/) as string,
  refresh_expires_in: expect.any(Number) as number,
  session: { ...SESSION, current: true },
}

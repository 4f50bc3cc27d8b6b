import { expect } from 'vitest'
import { problemTypes, type ProblemCode } from '../../src/interface-adapters/http/problem-details.ts'
import type { Answer } from '../support/test-client.ts'

/** Words that only a fault's insides have. */
const INSIDES =
  /node_modules|\.[jt]s\b|\bat \S+ \(|\bat (file|async)|stack|\b(select|insert|update|delete) \w|postgres|pglite|pg_|sqlstate|kysely|fastify|FST_|zod|TypeError|Error:|ECONN|undefined|\[object/i

/** The answer is this error, whole and with nothing more; `extra` are the fields it has besides the usual ones. */
export function expectProblem(answer: Answer, code: ProblemCode, extra: Record<string, unknown> = {}): void {
  const { status, title, advice } = problemTypes[code]
  expect(answer.body).toEqual({
    type: expect.stringMatching(new RegExp(`^https?://[^/]+/errors/${code}$`)) as unknown,
    ...{ title, status, detail: advice, code },
    request_id: answer.headers.get('x-request-id'),
    ...extra,
  })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(JSON.stringify(answer.body)).not.toMatch(INSIDES)
  expectHeadersOf(answer, code)
}

function expectHeadersOf({ status, headers }: Answer, code: ProblemCode): void {
  const retryAfter = headers.get('retry-after')
  if (status === 429 || status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/)
  else expect(retryAfter).toBeNull()
  const challenge = headers.get('www-authenticate')
  if (status !== 401) expect(challenge).toBeNull()
  else if (['invalid_access_token', 'session_ended', 'invalid_service_key'].includes(code)) {
    expect(challenge).toBe(
      `Bearer realm="chat-auth", error="invalid_token", error_description="${problemTypes[code].title}"`,
    )
  } else expect(challenge).toBe('Bearer realm="chat-auth"')
  if (status === 405) expect(headers.get('allow')).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
  else expect(headers.get('allow')).toBeNull()
}

/** Fields were refused: exactly these, each with its code and a sentence for the person. */
export function expectRefusedFields(answer: Answer, fields: Record<string, string>): void {
  const { errors } = answer.body as { errors?: { field: string; code: string }[] }
  const expected = Object.entries(fields).map(([field, code]) => ({
    ...{ field, code },
    message: expect.stringMatching(/^[A-Z].*[.]$/) as unknown,
  }))
  expect(errors).toEqual(expected)
  expectProblem(answer, 'validation_failed', { errors })
}

/** The session is over, for this reason. */
export const expectEnded = (answer: Answer, reason: string): void =>
  expectProblem(answer, 'session_ended', { reason })

/** Whatever was sent, the answer is a refusal of the caller's mistake that tells nothing of our insides. */
export function expectRefusal(answer: Answer): void {
  expect(answer.status).toBeGreaterThanOrEqual(400)
  const { code, errors, reason, detail } = answer.body as Record<string, unknown>
  expect(code).toBeOneOf(Object.keys(problemTypes))
  expectProblem(answer, code as ProblemCode, {
    ...(errors !== undefined && { errors }),
    ...(reason !== undefined && { reason }),
    detail,
  })
  expect(answer.status).toBeLessThan(500)
}

/** An answer that no cache may keep. */
export function expectPrivate({ headers }: Answer): void {
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-request-id')).toMatch(/^[\w.-]{8,64}$/)
}

/** Where the picture is of somebody who has none of their own and a name of one part. */
export const DRAWN_AVATAR = expect.stringMatching(
  /^http:\/\/localhost:8000\/media\/avatars\/letters-00[0-9a-f]{2}-\d+-512\.png$/,
) as string

export const SESSION = {
  id: expect.stringMatching(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  ) as string,
  device_name: expect.any(String) as string,
  user_agent: expect.any(String) as string,
  ip: expect.any(String) as string,
  created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
  last_seen_at: expect.stringMatching(/Z$/) as string,
  expires_at: expect.stringMatching(/Z$/) as string,
  current: expect.any(Boolean) as boolean,
}

export const TOKENS = {
  access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) as string,
  token_type: 'Bearer',
  // Its last second is never promised in full: `exp` is a whole number.
  expires_in: expect.toBeOneOf([599, 600]) as number,
  refresh_token: expect.stringMatching(/^[\w-]{80,}$/) as string,
  refresh_expires_in: expect.any(Number) as number,
  session: { ...SESSION, current: true },
}

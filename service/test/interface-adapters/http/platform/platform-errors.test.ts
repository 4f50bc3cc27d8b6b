import { describe, expect, test } from 'vitest'
import { platformProblem } from '../../../../src/interface-adapters/http/platform/platform-errors.ts'
import { problemBody } from '../../../../src/interface-adapters/http/problem-body.ts'
import { problemTypes, type ProblemCode } from '../../../../src/interface-adapters/http/problem-types.ts'

const codes = Object.keys(problemTypes) as ProblemCode[]
const problem = (code: ProblemCode) => problemBody(code, 'a-request', 'https://auth.example.org')
const shown = (code: ProblemCode, retryAfterSeconds?: number): string[] =>
  Object.values(platformProblem(problem(code), ['username'], retryAfterSeconds).details)

/** Errors of the internal listener, of routes with a path parameter, and of /v1 only. No form shows them. */
const WITHOUT_FORM: readonly ProblemCode[] = [
  'invalid_service_key',
  'insufficient_scope',
  'insufficient_role',
  'reauthentication_required',
  'origin_mismatch',
  'not_found',
  'session_not_found',
  'user_not_found',
  'invitation_not_found',
  'delivery_not_found',
  'method_not_allowed',
  'no_signing_keys',
  'no_messaging',
  'ticket_gone',
  'expectation_failed',
  // Has a message for each field.
  'validation_failed',
]

describe('the texts that the older frontend shows', () => {
  test.each(codes.filter((code) => !WITHOUT_FORM.includes(code)))(
    'the text for %s has no word that only developers know',
    (code) => {
      for (const text of shown(code, 40)) {
        expect(text).not.toMatch(/header|Retry-After|token|JSON|Bearer|Host|request_id|encoding|"|multipart/i)
        expect(text).toMatch(/^[A-Z].*\.$/)
      }
    },
  )

  test.each([
    [1, '1 second'],
    [40, '40 seconds'],
    [90, '90 seconds'],
    [91, '2 minutes'],
    [3_600, '60 minutes'],
    [5_401, '2 hours'],
    [86_400, '24 hours'],
  ])('a refusal for %d seconds says to try again in %s', (seconds, wait) => {
    const text = `There were too many attempts. Try again in ${wait}.`
    expect(shown('too_many_attempts', seconds)).toEqual([text])
  })

  test('the members of RFC 9457 stay those of /v1', () => {
    const { details, ...rest } = platformProblem(problem('overloaded'), ['avatar'], 3)
    expect(rest).toEqual(problem('overloaded'))
    expect(details).toEqual({ avatar: 'The service is busy at the moment. Try again in 3 seconds.' })
  })
})

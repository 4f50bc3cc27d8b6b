// The Node verifier requires second factors and recent authentications of tokens that the service made (RFC 9470).
// The tests of the other verifiers do the same: verifiers/python/tests/service/test_factors.py, verifiers/go/factors_test.go.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'
import type { Tokens } from '../service/test/support/test-client.ts'
import { TokenRefused, type AuthenticationRequirements } from '../verifiers/node/src/index.ts'
import { refusalResponse } from '../verifiers/node/src/adapters/refusal-response.ts'
import { connect } from './connected.ts'
import { provenSessions, type ProvenSessions } from './proven-sessions.ts'

let service: TestService
let sessions: ProvenSessions

beforeAll(async () => {
  service = await startTestService('PGlite')
  sessions = await provenSessions(service)
})
afterAll(() => service.stop())

test(
  'a verifier accepts only tokens whose user proved what it requires',
  { tags: ['TOKEN-22'] },
  async () => {
    const verifier = await connect(service)
    const outcome = ({ access_token: token }: Tokens, required: AuthenticationRequirements) =>
      verifier.verify(token, required).then(
        ({ amr }) => amr.join(' '),
        (error: unknown) =>
          error instanceof TokenRefused ? refusalResponse(error).headers['www-authenticate'] : error,
      )
    const outcomes = async (required: AuthenticationRequirements) => [
      await outcome(sessions.password, required),
      await outcome(sessions.code, required),
      await outcome(sessions.recoveryCode, required),
    ]
    const challenge = 'Bearer error="insufficient_user_authentication"'
    expect(await outcomes({})).toEqual(['pwd', 'pwd otp mfa', 'pwd recovery mfa'])
    expect(await outcomes({ amr: ['mfa'] })).toEqual([challenge, 'pwd otp mfa', 'pwd recovery mfa'])
    expect(await outcomes({ amr: ['otp'] })).toEqual([challenge, 'pwd otp mfa', challenge])
    expect(await outcomes({ amr: ['otp'], maxAgeSeconds: 600 })).toEqual([
      `${challenge}, max_age="600"`,
      'pwd otp mfa',
      `${challenge}, max_age="600"`,
    ])
  },
)

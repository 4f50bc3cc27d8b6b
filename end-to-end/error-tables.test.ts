import { expect, test } from 'vitest'
import { problemTypes, type ProblemCode } from '../service/src/interface-adapters/http/problem-types.ts'
import { problems } from '../verifiers/node/src/adapters/refusal-response.ts'

/** Codes that only a verifier responds with, and why the service has no such error. */
const verifierOnly: Readonly<Record<string, string>> = {
  token_outdated:
    'The service reads the roles of the user for each request, so old roles in a token do no harm.',
}

const shared = Object.entries(problems).filter(([code]) => !(code in verifierOnly))

test('each error of the Node verifier has the status and title that the service gives it', () => {
  const ofVerifier = shared.map(([code, { status, title }]) => ({ code, status, title }))
  const ofService = shared.map(([code]) => {
    const { status, title } = problemTypes[code as ProblemCode]
    return { code, status, title }
  })
  expect(ofVerifier).toEqual(ofService)
  expect(shared.length).toBeGreaterThan(4)
})

test('an error listed as known to the verifier only is unknown to the service', () => {
  for (const code of Object.keys(verifierOnly)) {
    expect(problems).toHaveProperty(code)
    expect(problemTypes).not.toHaveProperty(code)
  }
})

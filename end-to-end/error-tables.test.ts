import { readFileSync } from 'node:fs'
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

interface HttpVectors {
  readonly headers: readonly { readonly code?: string; readonly title?: string }[]
  readonly refusals: readonly { readonly code: string; readonly title: string; readonly status: number }[]
}

test('the vectors, which verifiers in every language pass, have the statuses and titles of the service', () => {
  const file = new URL('../verifiers/vectors/http.json', import.meta.url)
  const { headers, refusals } = JSON.parse(readFileSync(file, 'utf8')) as HttpVectors
  const problemsOfHeaders = headers.flatMap(({ code, title }) =>
    code === undefined ? [] : [{ code, title, status: 401 }],
  )
  const inVectors = [...problemsOfHeaders, ...refusals]
  for (const { code, title, status } of inVectors.filter((problem) => !(problem.code in verifierOnly)))
    expect({ code, title, status }).toEqual({
      code,
      title: problemTypes[code as ProblemCode].title,
      status: problemTypes[code as ProblemCode].status,
    })
  expect(new Set(inVectors.map(({ code }) => code))).toEqual(new Set(Object.keys(problems)))
})

test('an error listed as known to the verifier only is unknown to the service', () => {
  for (const code of Object.keys(verifierOnly)) {
    expect(problems).toHaveProperty(code)
    expect(problemTypes).not.toHaveProperty(code)
  }
})

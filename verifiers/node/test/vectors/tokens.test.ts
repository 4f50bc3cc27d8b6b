import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readVectors } from './read-vectors.ts'
import { resultOf, startVectorVerifier, type VectorVerifier } from './vector-verifier.ts'

interface TokenVectors {
  readonly now: number
  readonly verifiers: Readonly<
    Record<string, { issuer: string; audience?: string; shared_secret?: string; jwks?: unknown }>
  >
  readonly cases: readonly {
    readonly name: string
    readonly verifier: string
    readonly token: string
    readonly result: string
    readonly claims?: unknown
  }[]
}

const vectors = readVectors('tokens.json') as TokenVectors

describe.each(Object.entries(vectors.verifiers))('a verifier with: %s', (name, settings) => {
  const { issuer, audience, shared_secret: sharedSecret, jwks } = settings
  let running: VectorVerifier
  beforeAll(async () => {
    running = await startVectorVerifier(vectors.now, { jwks }, { issuer, audience, sharedSecret })
  })
  afterAll(() => running.stop())

  test.each(vectors.cases.filter(({ verifier }) => verifier === name))(
    'the token vector "$name" is $result',
    async ({ token, result, claims }) => {
      const first = await resultOf(running.verifier, token)
      expect(first).toEqual({ result, claims })
      // The second time from the cache, where it is accepted.
      expect(await resultOf(running.verifier, token)).toEqual(first)
    },
  )
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Verifier } from '../../src/types.ts'
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

const files = [
  {
    file: 'tokens.json',
    kind: 'access',
    verify: (verifier: Verifier, token: string) => verifier.verify(token),
  },
  {
    file: 'delivery-tokens.json',
    kind: 'delivery',
    verify: (verifier: Verifier, token: string) => verifier.verifyDelivery(token),
  },
].flatMap(({ file, ...more }) => {
  const vectors = readVectors(file) as TokenVectors
  return Object.entries(vectors.verifiers).map(([name, settings]) => ({ name, settings, vectors, ...more }))
})

describe.each(files)(
  'a verifier of $kind tokens with: $name',
  ({ name, settings, vectors, kind, verify }) => {
    const { issuer, audience, shared_secret: sharedSecret, jwks } = settings
    let running: VectorVerifier
    beforeAll(async () => {
      running = await startVectorVerifier(vectors.now, { jwks }, { issuer, audience, sharedSecret })
    })
    afterAll(() => running.stop())

    test.each(vectors.cases.filter(({ verifier }) => verifier === name))(
      `the ${kind} token vector "$name" is $result`,
      async ({ token, result, claims }) => {
        const first = await resultOf(verify(running.verifier, token))
        expect(first).toEqual({ result, claims })
        // The second time from the cache, where it is accepted.
        expect(await resultOf(verify(running.verifier, token))).toEqual(first)
      },
    )
  },
)

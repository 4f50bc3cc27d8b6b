import { expect, test } from 'vitest'
import { readVectors } from './read-vectors.ts'
import { resultOf, startVectorVerifier, type KeyResponse } from './vector-verifier.ts'

interface KeySetVectors {
  readonly now: number
  readonly issuer: string
  readonly audience: string
  readonly tokens: Readonly<Record<string, string>>
  readonly cases: readonly (KeyResponse & {
    readonly name: string
    readonly keys: number
    readonly results: Readonly<Record<string, string>>
  })[]
}

const { now, issuer, audience, tokens, cases } = readVectors('key-sets.json') as KeySetVectors

test.each(cases)('the key set vector "$name" leaves $keys keys', async ({ keys, results, ...response }) => {
  const { verifier, stop } = await startVectorVerifier(now, response, { issuer, audience })
  expect(verifier.health().keyCount).toBe(keys)
  for (const [name, result] of Object.entries(results)) {
    expect((await resultOf(verifier.verify(tokens[name] ?? ''))).result, name).toBe(result)
  }
  await stop()
})

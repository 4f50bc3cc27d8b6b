import { expect, test } from 'vitest'
import { at } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import type { Store } from './store.ts'

export const spentProofsContract = describeContract('SpentProofs', (store: Store) => {
  const proof = (id: number, expiresAt = at(300)) => ({ id: Buffer.alloc(32, id), expiresAt })

  test('a proof is spent once, and the others stay', { tags: ['LIMIT-11'] }, async () => {
    expect(await store.spentProofs.spend(proof(1))).toBe(true)
    expect(await store.spentProofs.spend(proof(1))).toBe(false)
    expect(await store.spentProofs.spend(proof(2))).toBe(true)
  })

  test('of 64 parallel calls with one proof exactly one spends it', { tags: ['LIMIT-11'] }, async () => {
    const results = await Promise.all(Array.from({ length: 64 }, () => store.spentProofs.spend(proof(1))))
    expect(results.filter(Boolean)).toHaveLength(1)
  })

  test('spent proofs are forgotten in batches, and not before they expire', async () => {
    for (const id of [1, 2, 3]) await store.spentProofs.spend(proof(id))
    await store.spentProofs.spend(proof(4, at(301)))
    expect(await store.spentProofs.removeExpired(at(299.999), 10)).toBe(0)
    expect(await store.spentProofs.removeExpired(at(300), 2)).toBe(2)
    expect(await store.spentProofs.removeExpired(at(300), 2)).toBe(1)
    expect(await store.spentProofs.removeExpired(at(300), 2)).toBe(0)
    expect(await store.spentProofs.spend(proof(4, at(301)))).toBe(false)
  })
})

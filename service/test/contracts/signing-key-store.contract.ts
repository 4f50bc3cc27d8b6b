import { expect, test } from 'vitest'
import type { SigningKey } from '../../src/domain/signing-key.ts'
import { at } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import type { Store } from './store.ts'

const aKey = (kid: string, changes: Partial<SigningKey> = {}): SigningKey => ({
  kid,
  algorithm: 'EdDSA',
  publicJwk: { kty: 'OKP', crv: 'Ed25519', x: 'for tests' },
  encryptedPrivateKey: `encrypted ${kid}`,
  signsFrom: at(0),
  signsUntil: at(10),
  publishedUntil: at(20),
  ...changes,
})

export const signingKeyStoreContract = describeContract('SigningKeyStore', (store: Store) => {
  const all = () => store.signingKeys.exclusively((locked) => locked.all())
  const add = (...added: SigningKey[]) =>
    store.signingKeys.exclusively(async (locked) => {
      for (const key of added) await locked.add(key, 'system', at(0))
    })

  test('signing keys are returned as they were added, in the order in which they sign', async () => {
    const later = aKey('later', {
      algorithm: 'RS256',
      publicJwk: { kty: 'RSA', e: 'AQAB' },
      signsFrom: at(1.234),
    })
    const earlier = aKey('earlier')
    await add(later, earlier)
    expect(await all()).toEqual([earlier, later])
    expect(await store.signingKeys.all()).toEqual([earlier, later])
  })

  test('a signing key can be encrypted again, and nothing else changes', async () => {
    await add(aKey('one'), aKey('two', { signsFrom: at(1) }))
    await store.signingKeys.exclusively((locked) => locked.reencrypt('one', 'encrypted again'))
    expect(await all()).toEqual([
      aKey('one', { encryptedPrivateKey: 'encrypted again' }),
      aKey('two', { signsFrom: at(1) }),
    ])
  })

  test('signing keys are removed at the time until which they are published', async () => {
    await add(aKey('over'), aKey('not yet', { publishedUntil: at(20.001) }))
    await store.signingKeys.exclusively((locked) => locked.removePublishedUntil(at(20)))
    expect((await all()).map(({ kid }) => kid)).toEqual(['not yet'])
  })

  test('failed work on signing keys changes nothing, and the store can be used again', async () => {
    await add(aKey('kept'))
    const failing = store.signingKeys.exclusively(async (locked) => {
      await locked.add(aKey('lost'), 'system', at(0))
      await locked.reencrypt('kept', 'lost')
      throw new Error('aborted')
    })
    await expect(failing).rejects.toThrow('aborted')
    expect(await all()).toEqual([aKey('kept')])
  })

  test('of several instances that start together one makes the key, and the others find it', async () => {
    const start = (instance: number) =>
      store.signingKeys.exclusively(async (locked) => {
        if ((await locked.all()).length === 0) await locked.add(aKey(`made by ${instance}`), 'system', at(0))
        return (await locked.all()).map(({ kid }) => kid)
      })
    const found = await Promise.all(Array.from({ length: 8 }, (_, instance) => start(instance)))
    expect(new Set(found.flat()).size).toBe(1)
  })

  test('work on signing keys never runs in parallel', async () => {
    let running = 0
    let most = 0
    const work = () =>
      store.signingKeys.exclusively(async (locked) => {
        most = Math.max(most, (running += 1))
        await locked.all()
        running -= 1
      })
    await Promise.all(Array.from({ length: 8 }, work))
    expect(most).toBe(1)
  })
})

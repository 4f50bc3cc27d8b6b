import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SigningKeyStore } from '../../src/application/ports/signing-keys.ts'
import type { SigningKey } from '../../src/domain/signing-key.ts'
import { at } from '../support/builders.ts'
import type { OpenStore, Store } from './store.ts'

const aKey = (kid: string, changes: Partial<SigningKey> = {}): SigningKey => ({
  kid,
  algorithm: 'EdDSA',
  publicJwk: { kty: 'OKP', crv: 'Ed25519', x: 'of the tests' },
  sealedPrivateKey: `sealed ${kid}`,
  signsFrom: at(0),
  signsUntil: at(10),
  publishedUntil: at(20),
  ...changes,
})

/** What every SigningKeyStore does. */
export const signingKeyStoreContract = (name: string, open: OpenStore): void => {
  describe(`${name} keeps the SigningKeyStore contract`, () => {
    let store: Store
    let keys: SigningKeyStore

    beforeAll(async () => {
      store = await open()
    })
    beforeEach(async () => {
      await store.clear()
      keys = store.signingKeys
    })
    afterAll(() => store.close())

    const all = () => keys.exclusively((locked) => locked.all())
    const add = (...added: SigningKey[]) =>
      keys.exclusively(async (locked) => {
        for (const key of added) await locked.add(key)
      })

    test('keys come back as they were added, in the order in which they sign', async () => {
      const later = aKey('later', {
        algorithm: 'RS256',
        publicJwk: { kty: 'RSA', e: 'AQAB' },
        signsFrom: at(1.234),
      })
      const earlier = aKey('earlier')
      await add(later, earlier)
      expect(await all()).toEqual([earlier, later])
      expect(await keys.all()).toEqual([earlier, later])
    })

    test('a key may be sealed anew; nothing else changes', async () => {
      await add(aKey('one'), aKey('two', { signsFrom: at(1) }))
      await keys.exclusively((locked) => locked.reseal('one', 'sealed anew'))
      expect(await all()).toEqual([
        aKey('one', { sealedPrivateKey: 'sealed anew' }),
        aKey('two', { signsFrom: at(1) }),
      ])
    })

    test('keys are removed at the time until which they are published', async () => {
      await add(aKey('over'), aKey('not yet', { publishedUntil: at(20.001) }))
      await keys.exclusively((locked) => locked.removePublishedUntil(at(20)))
      expect((await all()).map(({ kid }) => kid)).toEqual(['not yet'])
    })

    test('work that fails changes nothing, and the store can be used again', async () => {
      await add(aKey('kept'))
      const failing = keys.exclusively(async (locked) => {
        await locked.add(aKey('lost'))
        await locked.reseal('kept', 'lost')
        throw new Error('changed our mind')
      })
      await expect(failing).rejects.toThrow('changed our mind')
      expect(await all()).toEqual([aKey('kept')])
    })

    test('of several instances that start together one makes the key, the others find it', async () => {
      const start = (instance: number) =>
        keys.exclusively(async (locked) => {
          if ((await locked.all()).length === 0) await locked.add(aKey(`made by ${instance}`))
          return (await locked.all()).map(({ kid }) => kid)
        })
      const found = await Promise.all(Array.from({ length: 8 }, (_, instance) => start(instance)))
      expect(new Set(found.flat()).size).toBe(1)
    })

    test('no two pieces of work run at the same time', async () => {
      let running = 0
      let most = 0
      const work = () =>
        keys.exclusively(async (locked) => {
          most = Math.max(most, (running += 1))
          await locked.all()
          running -= 1
        })
      await Promise.all(Array.from({ length: 8 }, work))
      expect(most).toBe(1)
    })
  })
}

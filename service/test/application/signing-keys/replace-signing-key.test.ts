import { describe, expect, test } from 'vitest'
import { listSigningKeys } from '../../src/application/keys/list-signing-keys.ts'
import { replaceSigningKey } from '../../src/application/keys/replace-signing-key.ts'
import { rotateSigningKeys } from '../../src/application/keys/rotate-signing-keys.ts'
import type { SigningAlgorithm } from '../../src/domain/signing-key.ts'
import { AsymmetricKeyRing } from '../../src/infrastructure/crypto/key-ring.ts'
import { SealedKeyMaker } from '../../src/infrastructure/crypto/sealed-key-maker.ts'
import { FakeSigningKeys } from '../fakes/fake-signing-keys.ts'
import { at, DAY, HOUR } from '../support/builders.ts'

const ordinary = {
  secret: 'a secret of the tests that is long enough',
  signingAlgorithm: 'EdDSA' as SigningAlgorithm,
}

/** A database, a clock and any number of instances. */
function aCluster() {
  const signingKeys = new FakeSigningKeys()
  const time = { seconds: 0 }
  const instance = (settings: Partial<typeof ordinary> = {}) => {
    const { secret, signingAlgorithm } = { ...ordinary, ...settings }
    const keyMaker = new SealedKeyMaker({ current: secret, previous: [] })
    const keyRing = new AsymmetricKeyRing(keyMaker, signingAlgorithm)
    const clock = { now: () => at(time.seconds) }
    const deps = { signingKeys, keyMaker, keyRing, clock, signingAlgorithm }
    return {
      rotate: rotateSigningKeys(deps),
      replace: replaceSigningKey(deps),
      states: async () => (await listSigningKeys(deps)()).map(({ state }) => state),
      published: () => keyRing.jwks(clock.now()).keys.length,
    }
  }
  return { signingKeys, time, instance }
}

describe('replacing the signing key', () => {
  test('publishes the new one an hour before it signs, on this instance at once', async () => {
    const { time, instance } = aCluster()
    const { rotate, replace, states, published } = instance()
    time.seconds = 5 * DAY
    await rotate()
    const keys = await replace()
    expect(keys.map(({ state, key }) => [state, key.signsFrom])).toEqual([
      ['signing', at(5 * DAY)],
      ['coming', at(5 * DAY + HOUR)],
    ])
    expect(published()).toBe(2)
    time.seconds += HOUR - 1
    expect(await states()).toEqual(['signing', 'coming'])
    time.seconds += 1
    expect(await states()).toEqual(['published', 'signing'])
  })

  test('makes one key, however often and from wherever it is asked for', async () => {
    const { signingKeys, time, instance } = aCluster()
    const [one, other] = [instance(), instance()]
    await one.rotate()
    await Promise.all([one.replace(), other.replace(), one.replace()])
    expect(signingKeys.keys).toHaveLength(2)
    time.seconds = HOUR
    await one.replace()
    expect(signingKeys.keys).toHaveLength(3)
  })

  test('leaves it to the successor that is coming by itself', async () => {
    const { signingKeys, time, instance } = aCluster()
    const { rotate, replace } = instance()
    await rotate()
    time.seconds = 29 * DAY + 1
    await rotate()
    await replace()
    expect(signingKeys.keys).toHaveLength(2)
  })

  test('has the new one sign at once where no other can', async () => {
    const { instance } = aCluster()
    await instance().rotate()
    const after = instance({ secret: 'another secret of the tests, long enough' })
    expect(await after.states()).toEqual(['published'])
    const listed = await after.replace()
    expect(listed.map(({ state, isUsable }) => [state, isUsable])).toEqual([
      ['published', false],
      ['signing', true],
    ])
  })

  test('makes one of the wanted algorithm while one of another is coming', async () => {
    const { signingKeys, instance } = aCluster()
    const old = instance()
    await old.rotate()
    await old.replace()
    await instance({ signingAlgorithm: 'ES256' }).replace()
    expect(signingKeys.keys.map(({ algorithm }) => algorithm)).toEqual(['EdDSA', 'EdDSA', 'ES256'])
  })

  test('is refused where a shared secret is used', async () => {
    await expect(replaceSigningKey(undefined)()).rejects.toMatchObject({ code: 'no_signing_keys' })
    expect(await listSigningKeys(undefined)()).toEqual([])
  })
})

import { describe, expect, test } from 'vitest'
import { listSigningKeys } from '../../../src/application/signing-keys/list-signing-keys.ts'
import { replaceSigningKey } from '../../../src/application/signing-keys/replace-signing-key.ts'
import { rotateSigningKeys } from '../../../src/application/signing-keys/rotate-signing-keys.ts'
import type { SigningAlgorithm } from '../../../src/domain/signing-key.ts'
import { AsymmetricKeyRing } from '../../../src/infrastructure/crypto/key-ring.ts'
import { EncryptingKeyMaker } from '../../../src/infrastructure/crypto/encrypting-key-maker.ts'
import { FakeSigningKeys } from '../../fakes/fake-signing-keys.ts'
import { at, DAY, HOUR } from '../../support/builders.ts'

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
    const keyMaker = new EncryptingKeyMaker({ current: secret, previous: [] })
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
  test('replacing the signing key publishes the new key immediately, an hour before it signs', async () => {
    const { time, instance } = aCluster()
    const { rotate, replace, states, published } = instance()
    time.seconds = 5 * DAY
    await rotate()
    const keys = await replace('service:ops')
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

  test('repeated and parallel replacements of the signing key make one new key', async () => {
    const { signingKeys, time, instance } = aCluster()
    const [one, other] = [instance(), instance()]
    await one.rotate()
    await Promise.all([one.replace('service:ops'), other.replace('service:ops'), one.replace('service:ops')])
    expect(signingKeys.keys).toHaveLength(2)
    time.seconds = HOUR
    await one.replace('service:ops')
    expect(signingKeys.keys).toHaveLength(3)
  })

  test('replacing the signing key makes no second successor if one is already coming', async () => {
    const { signingKeys, time, instance } = aCluster()
    const { rotate, replace } = instance()
    await rotate()
    time.seconds = 29 * DAY + 1
    await rotate()
    await replace('service:ops')
    expect(signingKeys.keys).toHaveLength(2)
  })

  test('the new signing key signs immediately if there is no other', async () => {
    const { instance } = aCluster()
    const listed = await instance().replace('service:ops')
    expect(listed.map(({ state, isUsable }) => [state, isUsable])).toEqual([['signing', true]])
  })

  test('an instance that can decrypt no signing key refuses to replace it', async () => {
    const { signingKeys, instance } = aCluster()
    await instance().rotate()
    const other = instance({ secret: 'another secret of the tests, long enough' })
    await expect(other.replace('service:ops')).rejects.toMatchObject({ code: 'unavailable' })
    expect(signingKeys.keys).toHaveLength(1)
  })

  test('replacing the signing key makes a key even if one of another algorithm is coming', async () => {
    const { signingKeys, instance } = aCluster()
    const old = instance()
    await old.rotate()
    await old.replace('service:ops')
    await instance({ signingAlgorithm: 'ES256' }).replace('service:ops')
    expect(signingKeys.keys.map(({ algorithm }) => algorithm)).toEqual(['EdDSA', 'EdDSA', 'ES256'])
  })

  test('replacing the signing key is refused if tokens are signed with a shared secret', async () => {
    await expect(replaceSigningKey(undefined)('service:ops')).rejects.toMatchObject({
      code: 'no_signing_keys',
    })
    expect(await listSigningKeys(undefined)()).toEqual([])
  })
})

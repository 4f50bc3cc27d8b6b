import { describe, expect, test } from 'vitest'
import { SIGNING_ALGORITHMS } from '../../../src/domain/signing-key.ts'
import { AsymmetricKeyRing, SharedSecretKeys } from '../../../src/infrastructure/crypto/key-ring.ts'
import { createTokenKeys } from '../../../src/infrastructure/crypto/token-keys.ts'
import { noon } from '../../support/builders.ts'

const secrets = { current: 'an old secret of the tests, long enough', previous: [] }
const tokenSharedSecret = 'a shared secret of the tests, long enough'

describe('the keys the settings ask for', () => {
  test.each(SIGNING_ALGORITHMS)('are pairs of %s that rotate, and start empty', (tokenAlgorithm) => {
    const { tokenKeys, rotation } = createTokenKeys({ tokenAlgorithm, tokenSharedSecret: undefined }, secrets)
    expect(tokenKeys).toBeInstanceOf(AsymmetricKeyRing)
    expect(rotation?.keyRing).toBe(tokenKeys)
    expect(rotation?.signingAlgorithm).toBe(tokenAlgorithm)
    expect(tokenKeys.signingKey(noon)).toBeUndefined()
    expect(tokenKeys.jwks(noon)).toEqual({ keys: [] })
  })

  test('are opened by the instance they are made for', async () => {
    const { rotation } = createTokenKeys({ tokenAlgorithm: 'EdDSA', tokenSharedSecret: undefined }, secrets)
    const pair = await rotation?.keyMaker.generate('EdDSA')
    const other = createTokenKeys({ tokenAlgorithm: 'ES256', tokenSharedSecret: undefined }, secrets)
    expect(pair && other.rotation?.keyMaker.open(pair)).toBeDefined()
  })

  test('are one shared secret for HS256, with nothing to rotate', () => {
    const { tokenKeys, rotation } = createTokenKeys({ tokenAlgorithm: 'HS256', tokenSharedSecret }, secrets)
    expect(tokenKeys).toBeInstanceOf(SharedSecretKeys)
    expect(rotation).toBeUndefined()
    expect(tokenKeys.signingKey(noon)?.key.export()).toEqual(Buffer.from(tokenSharedSecret))
  })

  test('are never a shared secret that nobody gave', () => {
    expect(() =>
      createTokenKeys({ tokenAlgorithm: 'HS256', tokenSharedSecret: undefined }, secrets),
    ).toThrow()
  })
})

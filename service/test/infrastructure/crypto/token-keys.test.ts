import { describe, expect, test } from 'vitest'
import { SIGNING_ALGORITHMS } from '../../../src/domain/signing-key.ts'
import { AsymmetricKeyRing, SharedSecretKeys } from '../../../src/infrastructure/crypto/key-ring.ts'
import { createTokenKeys } from '../../../src/infrastructure/crypto/token-keys.ts'
import { noon } from '../../support/builders.ts'

const secrets = { current: 'an old secret of the tests, long enough', previous: [] }
const tokenSharedSecret = 'a shared secret of the tests, long enough'

describe('the keys the settings ask for', () => {
  test.each(SIGNING_ALGORITHMS)(
    'the settings create a key ring for %s that rotates and starts empty',
    (tokenAlgorithm) => {
      const { tokenKeys, rotation } = createTokenKeys(
        { tokenAlgorithm, tokenSharedSecret: undefined },
        secrets,
      )
      expect(tokenKeys).toBeInstanceOf(AsymmetricKeyRing)
      expect(rotation?.keyRing).toBe(tokenKeys)
      expect(rotation?.signingAlgorithm).toBe(tokenAlgorithm)
      expect(tokenKeys.signingKey(noon)).toBeUndefined()
      expect(tokenKeys.jwks(noon)).toEqual({ keys: [] })
    },
  )

  test('a stored key pair can be opened by another instance with the same secret', async () => {
    const { rotation } = createTokenKeys({ tokenAlgorithm: 'EdDSA', tokenSharedSecret: undefined }, secrets)
    const pair = await rotation?.keyMaker.generate('EdDSA')
    const other = createTokenKeys({ tokenAlgorithm: 'ES256', tokenSharedSecret: undefined }, secrets)
    expect(pair && other.rotation?.keyMaker.privateKeyOf(pair)).toBeDefined()
  })

  test('the settings for HS256 create one shared secret and no rotation', () => {
    const { tokenKeys, rotation } = createTokenKeys({ tokenAlgorithm: 'HS256', tokenSharedSecret }, secrets)
    expect(tokenKeys).toBeInstanceOf(SharedSecretKeys)
    expect(rotation).toBeUndefined()
    expect(tokenKeys.signingKey(noon)?.key.export()).toEqual(Buffer.from(tokenSharedSecret))
  })

  test('HS256 without a shared secret is an error', () => {
    expect(() =>
      createTokenKeys({ tokenAlgorithm: 'HS256', tokenSharedSecret: undefined }, secrets),
    ).toThrow()
  })
})

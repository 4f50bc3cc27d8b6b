import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signEd25519 } from '../../../src/infrastructure/crypto/ed25519.ts'

test('an Ed25519 signature is the same as by OpenSSL, for any key and data', () => {
  const keys = Array.from({ length: 20 }, () => generateKeyPairSync('ed25519'))
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.uint8Array({ maxLength: 2_000 }), (key, bytes) => {
      const data = Buffer.from(bytes)
      const signature = signEd25519(key.privateKey, data)
      expect(signature).toEqual(sign(null, data, key.privateKey))
      expect(verify(null, data, key.publicKey, signature)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('an Ed25519 key still signs the same after 50 other keys were used', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const data = Buffer.from('the same')
  const first = signEd25519(privateKey, data)
  for (let number = 0; number < 50; number += 1) signEd25519(generateKeyPairSync('ed25519').privateKey, data)
  expect(signEd25519(privateKey, data)).toEqual(first)
})

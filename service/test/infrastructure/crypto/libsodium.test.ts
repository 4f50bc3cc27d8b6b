import { createHmac, createSecretKey, generateKeyPairSync, sign } from 'node:crypto'
import { expect, test, vi } from 'vitest'

test('where there is no build of it, OpenSSL makes signatures and seals, and nobody can tell', async () => {
  vi.doMock('sodium-native', () => {
    throw new Error('No native build was found.')
  })
  const { libsodium } = await import('../../../src/infrastructure/crypto/libsodium.ts')
  expect(libsodium).toBeUndefined()

  const { signEd25519 } = await import('../../../src/infrastructure/crypto/ed25519.ts')
  const { hmacSha256 } = await import('../../../src/infrastructure/crypto/hmac-sha256.ts')
  const { privateKey } = generateKeyPairSync('ed25519')
  const data = Buffer.from('the same')
  expect(signEd25519(privateKey, data)).toEqual(sign(null, data, privateKey))
  const secret = Buffer.from('a secret')
  expect(hmacSha256(createSecretKey(secret), data)).toEqual(
    createHmac('sha256', secret).update(data).digest(),
  )
})

import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, test, vi } from 'vitest'

test('OpenSSL signs the same way if sodium-native has no build for the system', async () => {
  vi.doMock('sodium-native', () => {
    throw new Error('No native build was found.')
  })
  const { libsodium } = await import('../../../src/infrastructure/crypto/libsodium.ts')
  expect(libsodium).toBeUndefined()

  const { signEd25519 } = await import('../../../src/infrastructure/crypto/ed25519.ts')
  const { privateKey } = generateKeyPairSync('ed25519')
  const data = Buffer.from('the same')
  expect(signEd25519(privateKey, data)).toEqual(sign(null, data, privateKey))
})

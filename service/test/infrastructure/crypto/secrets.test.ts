import type { KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveKeys } from '../../../src/infrastructure/crypto/secrets.ts'

const [ours, theirs, older] = ['first secret', 'second secret', 'third secret'].map((text) =>
  text.padEnd(32, '.'),
) as [string, string, string]
const derived = (secret: string, purpose: string) =>
  readable(deriveKeys({ current: secret, previous: [] }, purpose).current)

const readable = ({ id, key }: { id: string; key: KeyObject }) => ({ id, key: key.export() })

/** HKDF by the Web Cryptography API. */
async function hkdf(secret: string, info: string): Promise<Buffer> {
  const encode = (text: string) => new TextEncoder().encode(text)
  const key = await crypto.subtle.importKey('raw', encode(secret), 'HKDF', false, ['deriveBits'])
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encode(info) }
  return Buffer.from(await crypto.subtle.deriveBits(algorithm, key, 36 * 8))
}

describe('a derived key', () => {
  test('a derived key is HKDF-SHA256 of the secret, and its id is not part of the key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), fc.string(), async (secret, purpose) => {
        const bytes = await hkdf(secret, `chat-auth ${purpose}`)
        const { id, key } = derived(secret, purpose)
        expect(key).toEqual(bytes.subarray(0, 32))
        expect(id).toBe(bytes.subarray(32).toString('hex'))
      }),
      { numRuns: 30 },
    )
  })

  test('each secret and each purpose has its own derived key and key id', () => {
    const keys = [
      derived(ours, 'one'),
      derived(ours, 'two'),
      derived(theirs, 'one'),
      derived(ours, 'one two'),
    ]
    expect(new Set(keys.map(({ key }) => key.toString('hex'))).size).toBe(4)
    expect(new Set(keys.map(({ id }) => id)).size).toBe(4)
  })

  test('a derived key is the same on every instance', () => {
    expect(derived(ours, 'one')).toEqual(derived(ours, 'one'))
  })
})

describe('several secrets', () => {
  test('each secret has a derived key, and the current secret has the current one', () => {
    const keys = deriveKeys({ current: ours, previous: [theirs, older] }, 'one')
    expect(readable(keys.current)).toEqual(derived(ours, 'one'))
    expect([...keys.byId.values()]).toHaveLength(3)
    for (const secret of [ours, theirs, older]) {
      const { id, key } = derived(secret, 'one')
      expect(keys.byId.get(id)?.key.export()).toEqual(key)
    }
  })

  test('the previous secrets may repeat the current one', () => {
    const keys = deriveKeys({ current: ours, previous: [ours, theirs, theirs] }, 'one')
    expect(keys.byId.size).toBe(2)
    expect(keys.byId.get(keys.current.id)).toBe(keys.current)
  })
})

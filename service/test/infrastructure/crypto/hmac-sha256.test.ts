import { createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSha256 } from '../../../src/infrastructure/crypto/hmac-sha256.ts'

const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength, size: 'max' }).map((array) => Buffer.from(array))

test('is the HMAC of OpenSSL, whatever the key and the data', () => {
  fc.assert(
    // Past a block of 64 bytes, a key is its hash.
    fc.property(bytes(1, 130), fc.array(bytes(0, 300), { minLength: 1, maxLength: 5 }), (secret, texts) => {
      const key = createSecretKey(secret)
      for (const text of texts) {
        expect(hmacSha256(key, text)).toEqual(createHmac('sha256', secret).update(text).digest())
      }
    }),
    { numRuns: 500 },
  )
})

test('keeps keys apart, and leaves what it answered before as it was', () => {
  const [first, second] = [createSecretKey(Buffer.from('first')), createSecretKey(Buffer.from('second'))]
  const data = Buffer.from('the same')
  const before = hmacSha256(first, data)
  const copy = Buffer.from(before)
  expect(hmacSha256(second, data)).not.toEqual(before)
  expect(before).toEqual(copy)
  expect(hmacSha256(first, data)).toEqual(copy)
})

// RFC 4231, test cases 1, 2 and 6.
test.each([
  ['0b'.repeat(20), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    '4a656665',
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(131),
    'Test Using Larger Than Block-Size Key - Hash Key First',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
])('of RFC 4231, with the key %s', (key, data, mac) => {
  const secret = createSecretKey(Buffer.from(key, 'hex'))
  expect(hmacSha256(secret, Buffer.from(data)).toString('hex')).toBe(mac)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64url } from '../../src/token/base64url.ts'

const decode = (text: string) => decodeBase64url(text, 0, text.length)

describe('decoding base64url', () => {
  test('decoding base64url returns the encoded bytes, of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(Buffer.from(bytes).toString('base64url'))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test('base64url is accepted only as an encoder writes it', () => {
    const characters = fc.constantFrom(...Array.from('ABCYZabyz0189-_+/=. \n\0é\u{1F600}'))
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 12 }), (text) => {
        const bytes = Buffer.from(text, 'base64url')
        const isCanonical = bytes.toString('base64url') === text
        expect(decode(text)).toEqual(isCanonical ? bytes : undefined)
      }),
      { numRuns: 2_000 },
    )
  })

  test('a last base64url character is accepted only if its spare bits are zero', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const good = (start: string) => Array.from(alphabet).filter((last) => decode(start + last) !== undefined)
    expect(good('A')).toEqual(Array.from('AQgw'))
    expect(good('AA')).toEqual(Array.from('AEIMQUYcgkosw048'))
    expect(good('AAA')).toEqual(Array.from(alphabet))
    expect(good('')).toEqual([])
  })

  test('base64url can be decoded from a part of a longer text', () => {
    expect(decodeBase64url('xx.YWJj.yy', 3, 7)?.toString()).toBe('abc')
  })
})

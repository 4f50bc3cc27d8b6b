import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64url } from '../src/base64url.ts'

const decode = (text: string) => decodeBase64url(text, 0, text.length)

describe('decoding base64url', () => {
  test('gives back what was encoded, of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(Buffer.from(bytes).toString('base64url'))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test('takes exactly the spellings that an encoder would write', () => {
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

  test('of every last character takes those whose spare bits are zero', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const good = (start: string) => Array.from(alphabet).filter((last) => decode(start + last) !== undefined)
    expect(good('A')).toEqual(Array.from('AQgw'))
    expect(good('AA')).toEqual(Array.from('AEIMQUYcgkosw048'))
    expect(good('AAA')).toEqual(Array.from(alphabet))
    expect(good('')).toEqual([])
  })

  test('reads a part of a longer text', () => {
    expect(decodeBase64url('xx.YWJj.yy', 3, 7)?.toString()).toBe('abc')
  })
})

import { domainToASCII, domainToUnicode } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodePunycode } from '../../src/domain/punycode.ts'

test.each([
  // RFC 3492, 7.1: (A), (B), (C), (G) and (L).
  ['egbpdaj6bu4bxfgehfvwxn', 'ليهمابتكلموشعربي؟'],
  ['ihqwcrb4cv8a8dqg056pqjye', '他们为什么不说中文'],
  ['ihqwctvzc91f659drss3x8bo0yb', '他們爲什麽不說中文'],
  ['n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa', 'なぜみんな日本語を話してくれないのか'],
  ['3b-ww4c5e180e575a65lsy2b', '3年b組金八先生'],
  ['mnchen-3ya', 'münchen'],
  ['', ''],
])('%s is Punycode for %s', (encoded, decoded) => expect(decodePunycode(encoded)).toBe(decoded))

test.each(['zz', '99999999', 'abc-é', 'a!b', '\u{1f600}'])('%s is not Punycode', (encoded) => {
  expect(decodePunycode(encoded)).toBeUndefined()
})

test('Punycode is decoded as Node does it', () => {
  const text = fc.string({
    unit: fc.constantFrom(...Array.from('aβж中文ñאक例\u{20000}')),
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(text, (label) => {
      const encoded = domainToASCII(label)
      fc.pre(encoded.startsWith('xn--'))
      expect(decodePunycode(encoded.slice(4))).toBe(domainToUnicode(encoded))
    }),
  )
})

test('any text is decoded in limited time or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('az09-')), maxLength: 59 }), (encoded) => {
      const decoded = decodePunycode(encoded)
      expect(decoded === undefined || decoded.length <= 2 * encoded.length).toBe(true)
    }),
  )
})

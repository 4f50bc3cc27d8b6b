import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emailKey, parseEmailAddress } from '../../src/domain/email-address.ts'
import { InvalidValue } from '../../src/domain/invalid-value.ts'

const refusalOf = (typed: string): string => {
  try {
    parseEmailAddress(typed)
  } catch (error) {
    if (error instanceof InvalidValue) return error.code
    throw error
  }
  return 'accepted'
}

const domainOf = (domain: string): string => parseEmailAddress(`ann@${domain}`).text.slice('ann@'.length)

describe('an e-mail address', () => {
  test.each([
    'ann@example.org',
    'a@b.c',
    'ann.b+news@mail.example.co.uk',
    "o'neil_{x}!#$%&*/=?^`|~-@example.org",
    '__proto__@example.org',
    `${'a'.repeat(64)}@example.org`,
    `ann@${'a'.repeat(63)}.org`,
    'ann@123.example',
    'ann@xn--mnchen-3ya.de',
    'ann@r3---sn.example.org',
  ])('may be %s', (typed) => {
    expect(parseEmailAddress(typed)).toEqual({ text: typed, key: typed })
  })

  test('keeps the case of the local part and puts the domain in small letters', () => {
    expect(parseEmailAddress('Ann.B@Example.ORG')).toEqual({
      text: 'Ann.B@example.org',
      key: 'ann.b@example.org',
    })
  })

  test.each([
    '',
    '@',
    'ann',
    'ann@',
    '@example.org',
    'example.org',
    'ann@@example.org',
    'ann@home@example.org',
    '.ann@example.org',
    'ann.@example.org',
    'ann..b@example.org',
    '"ann"@example.org',
    'ann(comment)@example.org',
    '<ann@example.org>',
    'ann,bob@example.org',
    'ann;bob@example.org',
    'ann\\b@example.org',
    'ann＠example.org',
  ])('is not %j, which is no dot-atom and domain', (typed) => {
    expect(refusalOf(typed)).toBe('invalid_format')
  })

  test.each([
    ' ann@example.org',
    'ann@example.org ',
    'ann @example.org',
    'ann@example.org\r\nBcc: b@c.de',
    'ann\u00a0b@c.de',
  ])('holds no white space: %j', (typed) => expect(refusalOf(typed)).toBe('invalid_characters'))

  test.each([
    'änn@example.org',
    'аnn@example.org',
    'ann\u200d@example.org',
    'ann\u0000@example.org',
    'ann\ud800@example.org',
  ])('has an ASCII local part: %j', (typed) => expect(refusalOf(typed)).toBe('invalid_characters'))

  test('is limited to 64 octets before the @ and 254 in all', () => {
    const domain = `${'d'.repeat(61)}.`.repeat(3) + 'info'
    expect(refusalOf(`${'a'.repeat(65)}@example.org`)).toBe('too_long')
    expect(refusalOf(`${'a'.repeat(64)}@${domain}`)).toBe('too_long')
    expect(refusalOf(`${'a'.repeat(254 - 1 - domain.length)}@${domain}`)).toBe('accepted')
  })

  test('is measured with its domain in A-labels', () => {
    const domain = `${'ä'.repeat(56)}.`.repeat(4) + 'de'
    expect(refusalOf(`ann@${domain}`)).toBe('too_long')
  })

  test('is too long when it is huge, whatever it holds', () => {
    expect(refusalOf('@'.repeat(50_000_000))).toBe('too_long')
    expect(refusalOf(`ann@${'ä'.repeat(100_000)}.de`)).toBe('too_long')
  })
})

describe('the domain of an e-mail address', () => {
  test.each([
    ['localhost'],
    ['example.org.'],
    ['.example.org'],
    ['example..org'],
    ['-a.org'],
    ['a-.org'],
    ['a_b.org'],
    [`${'a'.repeat(64)}.org`],
    ['192.0.2.1'],
    ['[192.0.2.1]'],
    ['[IPv6:::1]'],
    ['example.0x7f'],
    ['example.123'],
    ['example.org:25'],
    ['example.org/path'],
    ['example.org?x=1'],
    ['example.org#x'],
    ['ex%61mple.org'],
    ['example\\.org'],
  ])('is not %s', (domain) => {
    expect(refusalOf(`ann@${domain}`)).toBe('invalid_format')
  })

  test.each([
    ['münchen.de', 'xn--mnchen-3ya.de'],
    ['MÜNCHEN.de', 'xn--mnchen-3ya.de'],
    ['mu\u0308nchen.de', 'xn--mnchen-3ya.de'],
    ['faß.de', 'xn--fa-hia.de'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
    ['почта.рф', 'xn--80a1acny.xn--p1ai'],
    ['דוגמה.קום', 'xn--6dbbec0c.xn--9dbq2a'],
  ])('may be international: %s is %s', (domain, ascii) => {
    expect(domainOf(domain)).toBe(ascii)
  })

  test.each([
    ['percent-encoding', 'm%C3%BCnchen.de'],
    ['percent-encoding beside a letter of its own', 'münchen%2ede'],
    ['a port', 'münchen.de:25'],
    ['a path', 'münchen.de/x'],
    ['a query', 'münchen.de?x'],
    ['a fragment', 'münchen.de#x'],
    ['a backslash', 'münchen\\.de'],
    ['a soft hyphen', 'mün\u00adchen.de'],
    ['a zero-width space', 'mün\u200bchen.de'],
    ['a variation selector', 'mün\ufe0fchen.de'],
    ['full-width letters', 'ｅｘａｍｐｌｅ.org'],
    ['mathematical letters', '𝐞𝐱𝐚𝐦𝐩𝐥𝐞.org'],
    ['a ligature', 'ofﬁce.org'],
    ['an ideographic full stop', '例え。テスト'],
    ['an emoji', '☕.de'],
    ['a right-to-left override', 'mün\u202echen.de'],
    ['a lone surrogate', 'mün\ud800chen.de'],
    ['letters of both directions in a label', 'aא.com'],
    ['Arabic digits as its last label', 'example.١٢'],
    ['one label', 'münchen'],
  ])('is refused with %s', (_what, domain) => {
    expect(refusalOf(`ann@${domain}`)).toBe('invalid_format')
  })
})

describe('the key of an e-mail address', () => {
  test('is the same however the address is spelled', () => {
    expect(emailKey('ANN@MÜNCHEN.DE')).toBe('ann@xn--mnchen-3ya.de')
    expect(emailKey('ann@xn--MNCHEN-3ya.de')).toBe('ann@xn--mnchen-3ya.de')
  })

  test.each(['', 'ann', '__proto__', '\ud800@', 'x'.repeat(10_000)])(
    'is undefined for what is no address',
    (typed) => {
      expect(emailKey(typed)).toBeUndefined()
    },
  )
})

describe('any e-mail address', () => {
  const letters = fc.constantFrom(...Array.from('abcXYZ019äßЖ例א-._+@%:/ \u00ad'))
  const anything = fc.oneof(
    fc.emailAddress(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: letters }).map((tail) => `ann@${tail}.org`),
  )

  test('is read as itself again, and its key too', () => {
    fc.assert(
      fc.property(anything, (typed) => {
        fc.pre(emailKey(typed) !== undefined)
        const address = parseEmailAddress(typed)
        expect(parseEmailAddress(address.text)).toEqual(address)
        expect(emailKey(address.key)).toBe(address.key)
        expect(address.text).toMatch(/^[\x21-\x7e]{1,64}@[a-z0-9.-]+$/)
      }),
    )
  })

  test('is accepted or refused with a code, whatever was typed', () => {
    fc.assert(fc.property(anything, (typed) => refusalOf(typed) !== ''))
  })
})

import { domainToASCII } from 'node:url'
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
  ])('%s is a valid email address', (typed) => {
    expect(parseEmailAddress(typed)).toEqual({ text: typed, key: typed })
  })

  test('an email address keeps the case of its local part; its domain becomes lower case', () => {
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
  ])('%j is not a dot-atom and a domain, so not an email address', (typed) => {
    expect(refusalOf(typed)).toBe('invalid_format')
  })

  test.each([
    ' ann@example.org',
    'ann@example.org ',
    'ann @example.org',
    'ann@example.org\r\nBcc: b@c.de',
    'ann\u00a0b@c.de',
  ])('an email address with white space is refused: %j', (typed) =>
    expect(refusalOf(typed)).toBe('invalid_characters'),
  )

  test.each([
    'änn@example.org',
    'аnn@example.org',
    'ann\u200d@example.org',
    'ann\u0000@example.org',
    'ann\ud800@example.org',
  ])('an email address whose local part is not ASCII is refused: %j', (typed) =>
    expect(refusalOf(typed)).toBe('invalid_characters'),
  )

  test('an email address has at most 64 octets before the @ and 254 in all', () => {
    const domain = `${'d'.repeat(61)}.`.repeat(3) + 'info'
    expect(refusalOf(`${'a'.repeat(65)}@example.org`)).toBe('too_long')
    expect(refusalOf(`${'a'.repeat(64)}@${domain}`)).toBe('too_long')
    expect(refusalOf(`${'a'.repeat(254 - 1 - domain.length)}@${domain}`)).toBe('accepted')
  })

  test('the length of an email address counts its domain in A-labels', () => {
    const domain = `${'ä'.repeat(56)}.`.repeat(4) + 'de'
    expect(refusalOf(`ann@${domain}`)).toBe('too_long')
  })

  test('huge input is refused as too long for an email address', () => {
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
  ])('an email address may not have the domain %s', (domain) => {
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
  ])('the international domain %s becomes %s', (domain, ascii) => {
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
  ])('an email domain with %s is refused', (_what, domain) => {
    expect(refusalOf(`ann@${domain}`)).toBe('invalid_format')
  })
})

describe('an international domain, by IDNA2008', () => {
  test.each([
    ['a Catalan middle dot between two l', 'paral·lel.cat', 'xn--parallel-koa.cat'],
    ['a Greek keraia before a Greek letter', 'α͵β.gr', 'xn--wva3je.gr'],
    ['a geresh after a Hebrew letter', 'א׳ב.org', 'xn--4dbc5h.org'],
    ['gershayim after a Hebrew letter', 'צה״ל.org', undefined],
    ['a katakana middle dot between katakana', 'ア・イ.jp', 'xn--ccke4x.jp'],
    ['a katakana middle dot beside Han', '東・abc.jp', undefined],
    ['Arabic-Indic digits', 'م٠.org', 'xn--hhb8c.org'],
    ['a joiner after a virama', 'क्\u200dष.org', 'xn--11b2ezcw70k.org'],
    ['the ideographic zero', '二〇.cn', undefined],
    ['double hyphens in plain ASCII', 'r3---sn.example.org', 'r3---sn.example.org'],
    ['capital letters in its A-label', 'XN--MNCHEN-3YA.de', 'xn--mnchen-3ya.de'],
    ['a sharp s', 'xn--fa-hia.de', 'xn--fa-hia.de'],
    ['right-to-left letters', 'xn--9dbne9b.org', 'xn--9dbne9b.org'],
    ['a label of 63 octets in A-labels', `${'ä'.repeat(55)}.de`, undefined],
  ])('an email domain with %s is accepted', (_what, domain, ascii) => {
    const parsed = domainOf(domain)
    expect(parsed).toBe(ascii ?? domainToASCII(domain))
    expect(domainOf(parsed)).toBe(parsed)
  })

  test.each([
    ['an A-label that is not Punycode', 'xn--zz.org'],
    ['an empty A-label', 'xn--.org'],
    ['an A-label that ends in a hyphen', 'xn--abc-.org'],
    ['an A-label of ASCII alone', 'xn--abc-0.org'],
    ['an A-label in capital letters that is not Punycode', 'XN--ZZ.org'],
    ['an A-label of a snowman', 'xn--n3h.net'],
    ['an A-label of an emoji', 'xn--ls8h.la'],
    ['an A-label as its last label that is not Punycode', 'example.xn--zz'],
    ['an A-label of misplaced middle dots', 'xn--ab-0ea.org'],
    ['an A-label that begins with a mark', 'xn--a-ccb.org'],
    ['a middle dot between other letters', 'a·b.org'],
    ['a middle dot at its end', 'paral·.cat'],
    ['a keraia without a Greek letter behind it', 'β͵.gr'],
    ['a geresh without a Hebrew letter before it', '׳א.org'],
    ['a katakana middle dot among Latin letters', 'abc・def.jp'],
    ['katakana middle dots alone', '・・.jp'],
    ['digits of both Arabic sets', 'م٠۰.org'],
    ['a joiner without a virama', 'ab\u200dcä.org'],
    ['a non-joiner without a virama', 'mün\u200cchen.de'],
    ['hyphens in the third and fourth place', 'äb--c.org'],
    ['a hyphen at its beginning', '-ä.org'],
    ['a hyphen at its end', 'ä-.org'],
    ['a tatweel', 'مـن.org'],
    ['a label that begins with a mark', '\u0301ä.org'],
    ['a label of more than 63 octets in A-labels', `${'ä'.repeat(58)}.de`],
    ['a full-width dot', 'münchen．de'],
    ['a half-width ideographic dot', 'münchen｡de'],
    ['a trailing dot', 'münchen.de.'],
    ['a right-to-left label with a digit first', '1שלום.org'],
    ['a right-to-left label with a Latin letter', 'שלוםa.org'],
    ['old Hangul letters', 'ᄀᅟ.kr'],
    ['a question mark of another script', 'ليهما؟.org'],
  ])('an email domain with %s is refused', (_what, domain) => {
    expect(refusalOf(`ann@${domain}`)).toBe('invalid_format')
  })
})

describe('the key of an e-mail address', () => {
  test('all spellings of an email address have the same key', () => {
    expect(emailKey('ANN@MÜNCHEN.DE')).toBe('ann@xn--mnchen-3ya.de')
    expect(emailKey('ann@xn--MNCHEN-3ya.de')).toBe('ann@xn--mnchen-3ya.de')
  })

  test.each(['', 'ann', '__proto__', '\ud800@', 'x'.repeat(10_000)])(
    'text that is not an email address has no key',
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

  test('parsing a parsed email address or its key changes nothing', () => {
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

  test('any text is either a valid email address or refused with a code', () => {
    fc.assert(fc.property(anything, (typed) => refusalOf(typed) !== ''))
  })
})

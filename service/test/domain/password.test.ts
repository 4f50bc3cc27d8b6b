import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidValue } from '../../src/domain/invalid-value.ts'
import { normalizePassword, parseNewPassword } from '../../src/domain/password.ts'

const refusal = (typed: string, minimumLength = 8): string => {
  try {
    parseNewPassword(typed, minimumLength)
  } catch (error) {
    if (error instanceof InvalidValue) return error.code
    throw error
  }
  return 'accepted'
}

const turtle = '🐢'
const anyText = fc.string({ unit: 'binary', maxLength: 1100 })

describe('a new password', () => {
  test('a new password keeps its case, its outer spaces and every kind of character', () => {
    for (const typed of [
      ' Correct Horse ',
      'пароль-длинный',
      '日本語のパスワード',
      `${turtle}${turtle}${turtle}${turtle} hat`,
    ]) {
      expect(parseNewPassword(typed, 8)).toBe(typed)
    }
  })

  test('a new password needs no mixture of kinds of characters', { tags: ['SIGN-IN-6'] }, () => {
    expect(refusal('gdjqnwpxkz')).toBe('accepted')
    expect(refusal('7301946852')).toBe('accepted')
  })

  test('a new password is the same with composed and decomposed accents', () => {
    expect(parseNewPassword('Ku\u0308che und Bad', 8)).toBe('K\u00FCche und Bad')
  })

  test('every kind of space in a new password becomes an ordinary space', () => {
    for (const space of ['\u00A0', '\u1680', '\u2003', '\u202F', '\u205F', '\u3000']) {
      expect(parseNewPassword(`correct${space}horse`, 8)).toBe('correct horse')
    }
  })

  test('compatibility characters in a new password stay distinct from ordinary ones', () => {
    expect(parseNewPassword('ﬁsh and chips', 8)).toBe('ﬁsh and chips')
    expect(parseNewPassword('ＰＡＳＳage', 7)).toBe('ＰＡＳＳage')
  })

  test(
    'the length of a new password is counted in code points, not UTF-16 units',
    { tags: ['SIGN-IN-5'] },
    () => {
      expect(refusal(turtle.repeat(7))).toBe('too_short')
      expect(refusal(turtle.repeat(8))).toBe('accepted')
      expect(refusal(turtle.repeat(128))).toBe('accepted')
      expect(refusal(turtle.repeat(129))).toBe('too_long')
    },
  )

  test('the length of a new password is counted after normalisation', () => {
    expect(refusal('e\u0301'.repeat(7))).toBe('too_short')
    expect(refusal('e\u0301'.repeat(128))).toBe('accepted')
  })

  test('the minimum length of a new password comes from the setting', () => {
    expect(refusal('twelve chars', 12)).toBe('accepted')
    expect(refusal('eleven char', 12)).toBe('too_short')
    expect(refusal('', 1)).toBe('too_short')
    expect(() => parseNewPassword('short', 12)).toThrow(/12 to 128 characters/)
  })

  test('a new password has at most 128 characters and is never truncated', { tags: ['SIGN-IN-5'] }, () => {
    expect(parseNewPassword('x'.repeat(128), 8)).toHaveLength(128)
    expect(refusal('x'.repeat(129))).toBe('too_long')
    expect(refusal('x'.repeat(1_000_000))).toBe('too_long')
  })

  test('a new password may not contain control characters, line separators or lone surrogates', () => {
    for (const bad of [
      '\0',
      '\t',
      '\n',
      '\r',
      '\x1b',
      '\x7f',
      '\x80',
      '\x9f',
      '\u2028',
      '\u2029',
      '\ud83d',
      '\udc22',
    ]) {
      expect(refusal(`correct${bad}horse`), JSON.stringify(bad)).toBe('invalid_characters')
    }
  })

  test('a new password may contain joined emoji and unassigned code points', () => {
    expect(refusal('family 👨‍👩‍👧 ❤️')).toBe('accepted')
    expect(refusal('from the future \u{1FAFF}\u{3FFFD}')).toBe('accepted')
  })

  test('sign-in normalises any accepted text exactly as a new password is normalised', () => {
    fc.assert(
      fc.property(anyText, (typed) => {
        if (refusal(typed, 1) === 'accepted')
          expect(normalizePassword(typed)).toBe(parseNewPassword(typed, 1))
      }),
    )
  })
})

describe('a password typed to sign in', () => {
  test('a password typed at sign-in is normalised like a new one, whatever its length', () => {
    expect(normalizePassword('u\u0308\u3000x')).toBe('\u00FC x')
    expect(normalizePassword('x'.repeat(1024))).toBe('x'.repeat(1024))
  })

  test('an empty, oversized or impossible password at sign-in is undefined', () => {
    expect(normalizePassword('')).toBeUndefined()
    expect(normalizePassword('x'.repeat(1025))).toBeUndefined()
    expect(normalizePassword('correct\nhorse')).toBeUndefined()
    expect(normalizePassword('correct \ud83d horse')).toBeUndefined()
  })

  test('normalising a password twice gives the same result as once', () => {
    fc.assert(
      fc.property(anyText, (typed) => {
        const once = normalizePassword(typed)
        if (once !== undefined && once.length <= 1024) expect(normalizePassword(once)).toBe(once)
      }),
    )
  })
})

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
  test('is kept as it was typed: case, spaces at the ends and every kind of character', () => {
    for (const typed of [
      ' Correct Horse ',
      'пароль-длинный',
      '日本語のパスワード',
      `${turtle}${turtle}${turtle}${turtle} hat`,
    ]) {
      expect(parseNewPassword(typed, 8)).toBe(typed)
    }
  })

  test('needs no mixture of kinds of characters', () => {
    expect(refusal('gdjqnwpxkz')).toBe('accepted')
    expect(refusal('7301946852')).toBe('accepted')
  })

  test('is the same whether an accent is typed with its letter or after it', () => {
    expect(parseNewPassword('Ku\u0308che und Bad', 8)).toBe('K\u00FCche und Bad')
  })

  test('is the same with a space of another kind', () => {
    for (const space of ['\u00A0', '\u1680', '\u2003', '\u202F', '\u205F', '\u3000']) {
      expect(parseNewPassword(`correct${space}horse`, 8)).toBe('correct horse')
    }
  })

  test('keeps compatibility characters apart from the ordinary ones', () => {
    expect(parseNewPassword('ﬁsh and chips', 8)).toBe('ﬁsh and chips')
    expect(parseNewPassword('ＰＡＳＳage', 7)).toBe('ＰＡＳＳage')
  })

  test('is counted in code points: a turtle is one character, two in UTF-16', () => {
    expect(refusal(turtle.repeat(7))).toBe('too_short')
    expect(refusal(turtle.repeat(8))).toBe('accepted')
    expect(refusal(turtle.repeat(128))).toBe('accepted')
    expect(refusal(turtle.repeat(129))).toBe('too_long')
  })

  test('is counted after normalisation', () => {
    expect(refusal('e\u0301'.repeat(7))).toBe('too_short')
    expect(refusal('e\u0301'.repeat(128))).toBe('accepted')
  })

  test('takes its shortest length from the setting', () => {
    expect(refusal('twelve chars', 12)).toBe('accepted')
    expect(refusal('eleven char', 12)).toBe('too_short')
    expect(refusal('', 1)).toBe('too_short')
    expect(() => parseNewPassword('short', 12)).toThrow(/at least 12 characters/)
  })

  test('has at most 128 characters and is never cut', () => {
    expect(parseNewPassword('x'.repeat(128), 8)).toHaveLength(128)
    expect(refusal('x'.repeat(129))).toBe('too_long')
    expect(refusal('x'.repeat(1_000_000))).toBe('too_long')
  })

  test('has no control characters, line separators or halves of characters', () => {
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

  test('may hold joined emoji and code points that are not assigned yet', () => {
    expect(refusal('family 👨‍👩‍👧 ❤️')).toBe('accepted')
    expect(refusal('from the future \u{1FAFF}\u{3FFFD}')).toBe('accepted')
  })

  test('is what the same text is at sign-in, whatever it is', () => {
    fc.assert(
      fc.property(anyText, (typed) => {
        if (refusal(typed, 1) === 'accepted')
          expect(normalizePassword(typed)).toBe(parseNewPassword(typed, 1))
      }),
    )
  })
})

describe('a password typed to sign in', () => {
  test('is prepared like a new one, however long or short it is', () => {
    expect(normalizePassword('u\u0308\u3000x')).toBe('\u00FC x')
    expect(normalizePassword('x'.repeat(1024))).toBe('x'.repeat(1024))
  })

  test('is none when it is empty, too long to look at, or holds what no password holds', () => {
    expect(normalizePassword('')).toBeUndefined()
    expect(normalizePassword('x'.repeat(1025))).toBeUndefined()
    expect(normalizePassword('correct\nhorse')).toBeUndefined()
    expect(normalizePassword('correct \ud83d horse')).toBeUndefined()
  })

  test('stays as it is when it is prepared again', () => {
    fc.assert(
      fc.property(anyText, (typed) => {
        const once = normalizePassword(typed)
        if (once !== undefined && once.length <= 1024) expect(normalizePassword(once)).toBe(once)
      }),
    )
  })
})

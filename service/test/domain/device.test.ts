import { describe, expect, test } from 'vitest'
import { parseDeviceId, parseDeviceName } from '../../src/domain/device.ts'
import { InvalidValue } from '../../src/domain/invalid-value.ts'

const refusalOf = (parse: (text: string) => string, typed: string): string => {
  try {
    parse(typed)
  } catch (error) {
    if (error instanceof InvalidValue) return error.code
    throw error
  }
  return 'accepted'
}

describe('a device id', () => {
  test.each(['a', '!', '~', '5f0c9a3e-2f8e-4f5e-9a39-0f3c1f2d3b4c', '__proto__', 'x'.repeat(128)])(
    '%j is a valid device id',
    (typed) => {
      expect(parseDeviceId(typed)).toBe(typed)
    },
  )

  test.each(['', ' ', 'a b', 'a\n', 'a\0', 'é', '😀', '\u007f', 'x'.repeat(129), 'x'.repeat(1_000_000)])(
    'an invalid device id is refused (%#)',
    (typed) => {
      expect(refusalOf(parseDeviceId, typed)).toBe('invalid_format')
    },
  )
})

describe('a device name', () => {
  test.each(['x', 'Ännas Händy', "Anna's iPhone 📱", '我的电脑', 'x'.repeat(100), '😀'.repeat(100)])(
    '%j is a valid device name',
    (typed) => {
      expect(parseDeviceName(typed)).toBe(typed)
    },
  )

  test('a device name loses its leading and trailing spaces', () => {
    expect(parseDeviceName(' \t my  phone \n')).toBe('my  phone')
  })

  test.each(['', ' ', '\n\t', '\u00a0', '\ufeff'])('an empty device name is refused: %j', (typed) => {
    expect(refusalOf(parseDeviceName, typed)).toBe('too_short')
  })

  test('a device name has at most 100 code points', () => {
    expect(refusalOf(parseDeviceName, 'x'.repeat(101))).toBe('too_long')
    expect(refusalOf(parseDeviceName, '😀'.repeat(101))).toBe('too_long')
    expect(refusalOf(parseDeviceName, 'x'.repeat(5_000_000))).toBe('too_long')
  })

  test.each([
    ['a line break', 'a\nb'],
    ['a tab', 'a\tb'],
    ['a NUL character', 'a\0b'],
    ['a terminal escape', 'a\u001b[31mb'],
    ['a C1 control', 'a\u009bb'],
    ['a right-to-left override', 'a\u202eb'],
    ['a zero-width space', 'a\u200bb'],
    ['a byte order mark', 'a\ufeffb'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['a lone surrogate', 'a\ud83d'],
    ['an invisible tag', 'a\u{e0041}b'],
  ])('a device name may not contain %s', (_, typed) => {
    expect(refusalOf(parseDeviceName, typed)).toBe('invalid_characters')
  })
})

import { describe, expect, test } from 'vitest'
import { table, time, shortText } from '../../../src/interface-adapters/cli/table.ts'
import { printable, printableJson, shortened, width } from '../../../src/interface-adapters/cli/text.ts'

describe('a table', () => {
  test('a table aligns its columns for any cell content', () => {
    const rows = [
      [1, 'ann', true, null],
      [12345, 'a longer name', false, undefined],
    ]
    expect(table(['ID', 'NAME', 'VERIFIED', 'ROLES'], rows, 'none')).toBe(
      [
        'ID     NAME           VERIFIED  ROLES',
        '1      ann            yes       -',
        '12345  a longer name  no        -',
        '',
      ].join('\n'),
    )
  })

  test.each([
    '日本語のデバイス',
    '한국어 기기',
    'ｆｕｌｌ',
    '👩‍👩‍👧 family',
    '🇩🇪 phone',
    'e\u0301te\u0301',
    'ﾊﾝｶｸ',
    'Ａnn’s ❤️',
    '仮名ー・',
  ])('a table stays aligned next to %s', (wide) => {
    const [, first = '', second = ''] = table(
      ['NAME', 'NEXT'],
      [
        [wide, 'x'],
        ['plain', 'x'],
      ],
      '',
    ).split('\n')
    expect(width(first)).toBe(width(second))
    expect(first.endsWith('x')).toBe(true)
  })

  test('an empty table is printed as a sentence', () => {
    expect(table(['ID'], [], 'Nobody was found.')).toBe('Nobody was found.\n')
  })

  test(
    'a table escapes control and direction characters before they reach the terminal',
    { tags: ['OPS-8'] },
    () => {
      const evil = 'a\u001b[2J\u009b31m\u0007\n\r\tb\u202egnp\u2066\u200f\u2028\ud83d'
      const shown = table(['NAME'], [[evil]], '')
      expect(shown).toBe(
        'NAME\na\\u001b[2J\\u009b31m\\u0007\\n\\r\\tb\\u202egnp\\u2066\\u200f\\u2028\\ud83d\n',
      )
    },
  )
})

describe('text width', () => {
  test.each([
    ['', 0],
    ['ann', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['ﾊﾟ', 2],
    ['한', 2],
    ['👍🏽', 2],
    ['👩‍👩‍👧‍👦', 2],
    ['🇩🇪', 2],
    ['❤️', 2],
    ['❤', 1],
    ['Ａ', 2],
    ['。', 2],
    ['ー', 2],
    ['\u200b', 0],
    ['Привет', 6],
  ])('the text %s is %d columns wide', (text, columns) => expect(width(text)).toBe(columns))
})

describe('long text in a table', () => {
  test('long text is cut between characters so that it fits with the ellipsis', () => {
    expect(shortened('plain', 5)).toBe('plain')
    expect(shortened('plainer', 5)).toBe('plai…')
    expect(shortened('日本語', 5)).toBe('日本…')
    expect(shortened('日本語', 4)).toBe('日…')
    expect(shortened('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 5)).toBe('👩‍👩‍👧👩‍👩‍👧…')
  })

  test('text is escaped before it is cut', () => {
    expect(shortText(`${'x'.repeat(58)}\u001b[31m`)).toBe(`${'x'.repeat(58)}\\…`)
    expect(printable('two\nlines')).toBe('two\\nlines')
  })
})

test('JSON output keeps its value and escapes control characters for the terminal', () => {
  const value = { name: 'a\u009b31m\u202e\u001b\n"ü日👍', items: [1, null, true] }
  const text = printableJson(value)
  expect(JSON.parse(text)).toEqual(value)
  expect(text).toBe(
    '{\n  "name": "a\\u009b31m\\u202e\\u001b\\n\\"ü日👍",\n  "items": [\n    1,\n    null,\n    true\n  ]\n}\n',
  )
})

test('times are shown to the second', () => {
  expect(time('2026-01-31T12:00:00.123Z')).toBe('2026-01-31 12:00:00Z')
  expect(time(null)).toBe('-')
})

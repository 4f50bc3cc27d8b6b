import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidValue } from '../../src/domain/invalid-value.ts'
import { isUsernameCharacter } from '../../src/domain/scripts.ts'
import { looksOf as looksOfName } from '../../src/domain/skeleton.ts'
import { parseUsername, usernameKey } from '../../src/domain/username.ts'

const refusalOf = (typed: string): string => {
  try {
    parseUsername(typed)
  } catch (error) {
    if (error instanceof InvalidValue) return error.code
    throw error
  }
  return 'accepted'
}

const messageFor = (typed: string): string => {
  try {
    parseUsername(typed)
  } catch (error) {
    if (error instanceof InvalidValue) return error.message
  }
  return ''
}

const textOf = (typed: string): string => parseUsername(typed).text
const keyOf = (typed: string): string => parseUsername(typed).key
const looksOf = (typed: string): readonly string[] => looksOfName(parseUsername(typed))

/** What makes a name taken: one of its looks is a look of another name. */
const collide = (one: string, other: string): boolean =>
  looksOf(one).some((look) => looksOf(other).includes(look))

describe('a username', () => {
  test.each([
    'anna',
    'Ann.B_2-x',
    '1234',
    '_ann_',
    '__proto__',
    'constructor',
    'élise',
    'Þórður',
    'straße',
    'Nguyễn',
    'ʻokina',
    'Владимир',
    'Ελληνικά',
    'Հայերեն',
    'ქართული',
    'שלום1',
    'محمد_2',
    'नमस्ते',
    'বাংলা_1',
    'தமிழ்நாடு',
    'ภาษาไทย',
    'မြန်မာ',
    'ភាសាខ្មែរ',
    'አማርኛ',
  ])('may be %s and is shown as it was typed', (typed) => {
    expect(textOf(typed)).toBe(typed.normalize('NFC'))
  })

  test.each([
    ['kanji, hiragana and katakana', '田中さんカ'],
    ['the long-vowel mark', 'スーパー'],
    ['hanja and hangul', '金철수님'],
    ['hanzi and bopomofo', '中文ㄅㄆ'],
    ['digits and separators', '田中_さん.1'],
  ])('may mix the scripts of one language: %s', (_what, typed) => {
    expect(textOf(typed)).toBe(typed)
  })

  test.each([
    ['Cyrillic а in paypal', 'pаypal'],
    ['Greek ο in google', 'gοogle'],
    ['Cyrillic and Greek', 'абвγδ'],
    ['Armenian օ in Latin', 'gօogle'],
    ['Latin and Japanese', 'taro田中'],
    ['Japanese and Korean', 'さんカ철'],
    ['bopomofo and hiragana', 'ㄅㄆさん'],
    ['hangul and bopomofo', '한글ㄅㄆ'],
    ['Hebrew and Latin', 'שלוםann'],
    ['an Arabic vowel sign on Latin', 'anna\u064e'],
    ['a Devanagari sign on Latin', 'anna\u093f'],
  ])('may not mix scripts that nobody writes together: %s', (_what, typed) => {
    expect(refusalOf(typed)).toBe('mixed_scripts')
  })

  test.each([
    ['a space', 'ann bee'],
    ['a space at its end', 'anna '],
    ['a line feed', 'anna\n'],
    ['NUL', 'ann\u0000a'],
    ['DEL', 'ann\u007fa'],
    ['a zero-width joiner', 'ann\u200da'],
    ['a zero-width non-joiner', 'ann\u200ca'],
    ['a zero-width space', 'ann\u200ba'],
    ['a soft hyphen', 'ann\u00ada'],
    ['a byte-order mark', '\ufeffanna'],
    ['a right-to-left override', 'ann\u202ea'],
    ['a right-to-left isolate', 'ann\u2067a'],
    ['a variation selector', 'anna\ufe0f'],
    ['a tag character', 'anna\u{e0061}'],
    ['a combining grapheme joiner', 'anna\u034f'],
    ['a Hangul filler', 'anna\u3164'],
    ['a half-width Hangul filler', 'anna\uffa0'],
    ['old jamo', '\u1113\u1161\u1113\u1161'],
    ['half-width jamo', 'ﾡￂﾡￂﾡￂﾡￂ'],
    ['an invisible Khmer vowel', 'ភាសាខ្មែរ\u17b4'],
    ['an emoji', 'anna😀'],
    ['a keycap', 'anna1\u20e3'],
    ['@', 'ann@example.org'],
    ['full-width @', 'ann＠example.org'],
    ['a colon', 'ann:bee'],
    ['a slash', 'ann/bee'],
    ['an apostrophe', "o'neil"],
    ['a quotation mark in Hebrew', 'צה״לל'],
    ['a middle dot', 'l·lab'],
    ['a fraction slash', 'ann⁄b'],
    ['a full-width space', 'ann\u3000b'],
    ['a ligature', 'ﬁona'],
    ['a long s', 'ſarah'],
    ['a double-struck letter', 'ℕame'],
    ['mathematical letters', '𝐚𝐧𝐧𝐚'],
    ['circled letters', 'ⓐⓝⓝⓐ'],
    ['superscripts', 'anna²'],
    ['a Roman numeral', 'annaⅧ'],
    ['a titlecase letter', 'ᾈδης'],
    ['tatweel', 'محـمد'],
    ['an ideographic tone mark', '中文中文\u302e'],
    ['Arabic-Indic digits', 'محمد١٢'],
    ['Devanagari digits', 'नमस्ते१'],
    ['a musical stem', 'anna\u{1d165}'],
    ['an enclosing circle', 'anna\u20dd'],
    ['a stroke laid over a letter', 'anna\u0338'],
    ['Cherokee', 'ᎠᏂᏴᏫ'],
    ['Gothic', '𐌰𐌱𐌲𐌳'],
    ['Coptic', 'ⲁⲃⲅⲇ'],
    ['a lone high surrogate', 'anna\ud800'],
    ['a lone low surrogate', '\udc00anna'],
    ['a noncharacter', 'anna\uffff'],
    ['a private-use character', 'anna\ue000'],
    ['an unassigned code point', 'anna\u{3fff0}'],
  ])('may not hold %s', (_what, typed) => {
    expect(refusalOf(typed)).toBe('invalid_characters')
    expect(usernameKey(typed)).toBeUndefined()
  })

  test.each([
    ['only separators', '._-.'],
    ['a mark without a letter', '\u0301anna'],
    ['a mark on a digit', 'ann1\u0301'],
    ['a mark on a separator', 'ann_\u0301'],
    ['the same mark twice', 'anno\u0301\u0301'],
    ['the same mark twice, once within the letter', 'annó\u0301'],
    ['five marks on a letter', 'anna\u0307\u0308\u030a\u0301\u0323'],
    ['a right-to-left name that starts with a digit', '1שלום'],
    ['a right-to-left name that starts with a separator', '_שלום'],
    ['a right-to-left name that ends with a separator', 'שלום_'],
    ['a left-to-right letter among right-to-left ones', 'שלוʻם'],
  ])('may not have %s', (_what, typed) => {
    expect(refusalOf(typed)).toBe('invalid_format')
  })

  test('may have a right-to-left end with marks on it', () => {
    expect(refusalOf('שלוםָ')).toBe('accepted')
    expect(refusalOf('שלום-12')).toBe('accepted')
  })

  test('may have four different marks on a letter', () => {
    expect(refusalOf('anna\u0307\u0308\u030a\u0323')).toBe('accepted')
  })

  test.each(['', 'a', 'ann', '田中', 'e\u0301e\u0301e\u0301', '𠮷𠮷𠮷', 'H\u0331H\u0331'])(
    'has at least 4 characters: %j',
    (typed) => {
      expect(refusalOf(typed)).toBe('too_short')
      expect(usernameKey(typed)).toBeUndefined()
    },
  )

  test('has at most 32 characters, counted as composed code points', () => {
    expect(refusalOf('a'.repeat(32))).toBe('accepted')
    expect(refusalOf('𠮷'.repeat(32))).toBe('accepted')
    expect(refusalOf('ᾂ'.normalize('NFD').repeat(32))).toBe('accepted')
    expect(refusalOf('a'.repeat(33))).toBe('too_long')
    expect(refusalOf('İ'.repeat(17))).toBe('too_long')
    expect(usernameKey('a'.repeat(33))).toBeUndefined()
  })

  test('is too long when it is huge, whatever it holds', () => {
    for (const typed of ['a'.repeat(50_000_000), '\u0301'.repeat(5_000_000), '\ud800'.repeat(5_000_000)]) {
      expect(refusalOf(typed)).toBe('too_long')
      expect(usernameKey(typed)).toBeUndefined()
    }
  })
})

describe('what is told to the person', () => {
  test.each([
    ['ann bee', 'remove the space'],
    ['anna😀', 'remove “😀”'],
    ['ann\u202ea', 'remove the character U+202E'],
    ['ann@example.org', 'cannot be an e-mail address'],
    ['محمد١', 'Use the digits 0 to 9 in place of “١”'],
    ['ann', 'at least 4 characters'],
    ['a'.repeat(33), 'at most 32 characters'],
    ['pаypal', 'in one script'],
    ['....', 'at least one letter or digit'],
  ])('about %j: %s', (typed, advice) => {
    expect(messageFor(typed)).toContain(advice)
  })
})

describe('the text of a username', () => {
  test.each([
    ['composed', 'e\u0301lise', 'élise'],
    ['with ordinary letters for full-width ones', 'ＡＮＮＡ＿１', 'ANNA_1'],
    ['with full kana for half-width ones', 'ｶﾞｷﾞｸﾞｹﾞ', 'ガギグゲ'],
    ['with syllables for the jamo some keyboards send', '한글이름'.normalize('NFD'), '한글이름'],
    ['with K for the Kelvin sign', '\u212aelly', 'Kelly'],
  ])('is %s', (_how, typed, text) => {
    expect(textOf(typed)).toBe(text)
  })
})

describe('the key of a username', () => {
  test.each([
    ['capitals', 'ANNA', 'anna'],
    ['full-width capitals', 'ＡＮＮＡ', 'anna'],
    ['a decomposed accent', 'E\u0301LISE', 'élise'],
    ['a capital sharp s', 'STRAẞE', 'straße'],
    ['a final sigma', 'ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
    ['a capital with a dot', 'İbrahim', 'i\u0307brahim'],
    ['letters that compose in small only', 'H\u0331anna', 'ẖanna'],
  ])('is in small letters: %s', (_what, typed, key) => {
    expect(keyOf(typed)).toBe(key)
    expect(usernameKey(typed)).toBe(key)
  })

  test('keeps apart what case alone does not join', () => {
    expect(keyOf('straße')).not.toBe(keyOf('strasse'))
    expect(keyOf('kırmızı')).not.toBe(keyOf('kirmizi'))
  })

  test('is found at sign-in for a name that new people may no longer choose', () => {
    expect(usernameKey('pаypal')).toBe('pаypal')
    expect(usernameKey('....')).toBe('....')
  })
})

describe('the looks of a username', () => {
  test('are no part of it: reading a name does not work them out', () => {
    expect(parseUsername('Anna')).toEqual({ text: 'Anna', key: 'anna' })
  })

  test.each([
    ['maria', ['rnaria']],
    ['MARIA', ['rnaria', 'rnarla']],
    ['Nora', ['nora']],
    ['paypaI', ['paypai', 'paypal']],
    ['Ian_1', ['ian_l', 'lan_l']],
    ['İbrahim', ['ibrahirn', 'l\u0307brahirn']],
    ['ΝΙΝΑ', ['nlna', 'viva']],
    ['ТОМ_1', ['torn_l', 'ᴛoʍ_l']],
  ])('are, for %s, %j', (typed, looks) => {
    expect(looksOf(typed)).toEqual(looks)
  })
})

describe('two usernames look alike', () => {
  test.each([
    ['google', 'g00gle'],
    ['GOOGLE', 'g00gle'],
    ['G00GLE', 'gOOgle'],
    ['paypal', 'paypa1'],
    ['paypal', 'paypaI'],
    ['paypai', 'paypaI'],
    ['PAYPAL', 'paypa1'],
    ['PAYPAL', 'PAYPAI'],
    ['paypa1', 'PAYPAI'],
    ['marla', 'MARIA'],
    ['mar1a', 'MARIA'],
    ['maria', 'MARIA'],
    ['Maria', 'mARIA'],
    ['bill', 'biIl'],
    ['biil', 'biIl'],
    ['bill', 'biI1'],
    ['BILL', 'BIIL'],
    ['IVAN_0', 'ivan_o'],
    ['lucas', 'Iucas'],
    ['lucas', '1ucas'],
    ['modern', 'rnodem'],
    ['Modern', 'RNODERN'],
    ['apple', 'аррӏе'],
    ['APPLE', 'АРРӀЕ'],
    ['apple', 'АРРІЕ'],
    ['paypal', 'ραγραΙ'],
    ['scope', 'ѕсоре'],
    ['NINA', 'ΝΙΝΑ'],
    ['νινα', 'ΝΙΝΑ'],
    ['anna', 'ΑΝΝΑ'],
    ['anna_1', 'ΑΝΝΑ_1'],
    ['Tom_1', 'ТОМ_1'],
    ['том_1', 'ТОМ_1'],
    ['pocc', 'РОСС'],
    ['vova', 'νονα'],
    ['kırmızı', 'KIRMIZI'],
    ['kırmızı', 'kirmizi'],
    ['İbrahim', 'ibrahim'],
    ['İbrahim', 'IBRAHİM'],
    ['i\u0307brahim', 'Ibrahim'],
    ['j\u0307ana', 'Jana'],
    ['οδυσσευς', 'οδυσσευσ'],
    ['οδυσσευς', 'ΟΔΥΣΣΕΥΣ'],
    ['タカシエ', '夕力シ工'],
    ['Боби', '6оби'],
    ['ÁNNA', 'ΆΝΝΑ'],
    ['ëssë', 'ёѕѕё'],
  ])('%s and %s', (one, other) => {
    expect(collide(one, other)).toBe(true)
    expect(collide(other, one)).toBe(true)
  })
})

describe('two usernames do not look alike', () => {
  test.each([
    ['maria', 'marla'],
    ['Maria', 'Marla'],
    ['maria', 'mar1a'],
    ['MARİA', 'marla'],
    ['MARIA', 'marta'],
    ['bill', 'biil'],
    ['Bill', 'Biil'],
    ['emil', 'emll'],
    ['paypal', 'paypai'],
    ['julia', 'juiia'],
    ['ivan', 'lvan'],
    ['İbrahim', 'lbrahim'],
    ['anna', 'anne'],
    ['jose', 'josé'],
    ['anna_b', 'anna.b'],
    ['anna-b', 'annab'],
    ['Анна', 'anna'],
    ['АННА', 'anna'],
    ['нина', 'nina'],
    ['nina', 'νινα'],
    ['nina', 'vina'],
    ['nina', 'viva'],
    ['strasse', 'straße'],
    ['김철수님', '김철수남'],
  ])('%s and %s', (one, other) => {
    expect(collide(one, other)).toBe(false)
    expect(collide(other, one)).toBe(false)
  })

  test('where a Greek capital I was to be read as i: it is shown as l, like every capital I', () => {
    expect(collide('ΝΙΝΑ', 'nlna')).toBe(true)
    expect(collide('ΝΙΝΑ', 'nina')).toBe(false)
  })
})

const anyOf = (characters: string[]): fc.Arbitrary<string> =>
  fc.nat(characters.length - 1).map((index) => characters[index] ?? '')

/** The allowed characters by script, so that chance finds names of one script at all. */
const writingSystems = (characters: string[]): string[][] =>
  [
    'Latin',
    'Cyrillic',
    'Greek',
    'Hebrew',
    'Arabic',
    'Devanagari',
    'Thai',
    'Armenian',
    'Georgian',
    'Hangul',
    'Katakana',
  ].map((script) =>
    characters.filter((character) => new RegExp(`^[\\p{scx=${script}}0-9._\\-]$`, 'v').test(character)),
  )

/** The name with each code point in the case chosen for it. */
const recased = (name: string, choices: Iterator<string>): string =>
  Array.from(name, (character) => {
    const choice: unknown = choices.next().value
    if (choice === 'typed') return character
    return choice === 'small' ? character.toLowerCase() : character.toUpperCase()
  }).join('')

describe('any username', () => {
  const characters: string[] = []
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    const character = String.fromCodePoint(codePoint)
    if (isUsernameCharacter(character)) characters.push(character)
  }
  const cased = characters.filter((character) => character.toLowerCase() !== character.toUpperCase())
  const small = characters.filter((character) =>
    /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{M}0-9._\-]$/v.test(character),
  )
  const hostile = [
    ...Array.from('аеоріѕӏνοαρIl10OmMnr'),
    '\u0307',
    '\u0301',
    'İ',
    'ı',
    'ß',
    'ẞ',
    'Σ',
    'ς',
    'K',
    '\u212a',
    'ｆ',
    '＿',
    'ﾞ',
    '한',
    '\u1112',
    'ש',
    '\u200d',
    '\ud800',
    '😀',
    '@',
  ]

  const typed = fc.oneof(
    ...[characters, cased, small, hostile].map((unit) => fc.string({ unit: anyOf(unit), maxLength: 40 })),
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc
      .constantFrom(...writingSystems(characters))
      .chain((unit) => fc.string({ unit: anyOf(unit), minLength: 4, maxLength: 12 })),
  )
  const accepted = typed.filter((name) => refusalOf(name) === 'accepted')
  const ascii = fc.stringMatching(/^[a-zA-Z0-9._-]{4,32}$/).filter((name) => /[a-z0-9]/i.test(name))

  test('is read as itself again', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        expect(parseUsername(textOf(name))).toEqual(parseUsername(name))
      }),
      { numRuns: 2000 },
    )
  })

  test('may be typed as its key, which has the same key', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        expect(keyOf(keyOf(name))).toBe(keyOf(name))
        expect(usernameKey(name)).toBe(keyOf(name))
      }),
      { numRuns: 2000 },
    )
  })

  test('has one key in every normalisation form', () => {
    fc.assert(
      fc.property(accepted, fc.constantFrom('NFC', 'NFD'), (name, form) => {
        expect(parseUsername(name.normalize(form))).toEqual(parseUsername(name))
      }),
      { numRuns: 1000 },
    )
  })

  test('in ASCII has one key and shares a look in every case', () => {
    fc.assert(
      fc.property(ascii, (name) => {
        for (const variant of [name.toLowerCase(), name.toUpperCase()]) {
          expect(keyOf(variant)).toBe(keyOf(name))
          expect(collide(variant, name)).toBe(true)
        }
      }),
    )
  })

  test('in ASCII looks like its small letters, and with l for each capital I', () => {
    const plain = (name: string): string =>
      name.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('m', 'rn')
    fc.assert(
      fc.property(ascii, (name) => {
        const looks = [plain(name), plain(name.replaceAll('I', 'l'))]
        expect(looksOf(name)).toEqual(Array.from(new Set(looks)).sort())
      }),
      { numRuns: 1000 },
    )
  })

  test('shares a look with every other name of the same key', () => {
    const cases = fc.infiniteStream(fc.constantFrom('typed', 'small', 'capital'))
    fc.assert(
      fc.property(accepted, cases, cases, (name, ...choices) => {
        const [one = name, other = name] = choices.map((choice) => recased(name, choice))
        fc.pre(refusalOf(one) === 'accepted' && refusalOf(other) === 'accepted')
        fc.pre(keyOf(one) === keyOf(other))
        expect(collide(one, other)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('has its key for one look, the only one in small letters', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        const [look, ...others] = looksOf(keyOf(name))
        expect(others).toEqual([])
        expect(looksOf(name)).toContain(look)
      }),
      { numRuns: 2000 },
    )
  })

  test('has one or two looks, sorted', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        const looks = looksOf(name)
        expect([1, 2]).toContain(looks.length)
        expect(looks).toEqual(Array.from(new Set(looks)).sort())
      }),
      { numRuns: 2000 },
    )
  })

  test('has looks that look like themselves alone, without capitals, digits 0 and 1, and m', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        for (const look of looksOf(name)) {
          expect(looksOfName({ text: look })).toEqual([look])
          expect(look).not.toMatch(/[A-Z01m]/)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('is accepted or refused with a code, whatever was typed', () => {
    fc.assert(
      fc.property(typed, (name) => refusalOf(name) !== ''),
      { numRuns: 2000 },
    )
  })

  test('of any one character has looks, one of them that of its key', () => {
    for (const character of characters.filter((one) => /^\p{L}$/v.test(one))) {
      const name = character.repeat(4)
      const key = keyOf(name)
      expect(keyOf(key) === key && !looksOf(name).includes('') && collide(key, name)).toBe(true)
    }
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidValue } from '../../src/domain/invalid-value.ts'
import { isAllowedInIdentifiers, isUsernameCharacter } from '../../src/domain/scripts.ts'
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

/** Two names collide if they share a look. Then the second one counts as taken. */
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
    'น้ำทิพย์',
    'ຄຳແພງ',
    'မြန်မာ',
    'ភាសាខ្មែរ',
    'አማርኛ',
  ])('%s is a valid username and is shown as it was typed', (typed) => {
    expect(textOf(typed)).toBe(typed.normalize('NFC'))
  })

  test.each([
    ['kanji, hiragana and katakana', '田中さんカ'],
    ['the long-vowel mark', 'スーパー'],
    ['hanja and hangul', '金철수님'],
    ['digits and separators', '田中_さん.1'],
  ])('a username may mix the scripts of one language: %s', (_what, typed) => {
    expect(textOf(typed)).toBe(typed)
  })

  test.each([
    ['Cyrillic а in paypal', 'pаypal'],
    ['Greek ο in google', 'gοogle'],
    ['Cyrillic and Greek', 'абвγδ'],
    ['Armenian օ in Latin', 'gօogle'],
    ['Latin and Japanese', 'taro田中'],
    ['Japanese and Korean', 'さんカ철'],
    ['Hebrew and Latin', 'שלוםann'],
    ['an Arabic vowel sign on Latin', 'anna\u064e'],
    ['a Devanagari sign on Latin', 'anna\u093f'],
  ])('a username may not mix scripts of different languages: %s', (_what, typed) => {
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
  ])('a username may not contain %s', (_what, typed) => {
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
  ])('a username may not have %s', (_what, typed) => {
    expect(refusalOf(typed)).toBe('invalid_format')
  })

  test('a right-to-left username may end with marks or digits', () => {
    expect(refusalOf('محمدً')).toBe('accepted')
    expect(refusalOf('שלום-12')).toBe('accepted')
  })

  test('a username may have four different marks on a letter', () => {
    expect(refusalOf('anna\u0307\u0308\u030a\u0323')).toBe('accepted')
  })

  test.each(['', 'a', 'ann', '田中', 'e\u0301e\u0301e\u0301', '𠮷𠮷𠮷', 'H\u0331H\u0331'])(
    'a username has at least 4 characters: %j is refused',
    (typed) => {
      expect(refusalOf(typed)).toBe('too_short')
      expect(usernameKey(typed)).toBeUndefined()
    },
  )

  test('a username has at most 32 characters, counted as composed code points', () => {
    expect(refusalOf('a'.repeat(32))).toBe('accepted')
    expect(refusalOf('家'.repeat(32))).toBe('accepted')
    expect(usernameKey('𠮷'.repeat(32))).toBe('𠮷'.repeat(32))
    expect(refusalOf('ộ'.normalize('NFD').repeat(32))).toBe('accepted')
    expect(refusalOf('a'.repeat(33))).toBe('too_long')
    expect(refusalOf('İ'.repeat(17))).toBe('too_long')
    expect(usernameKey('a'.repeat(33))).toBeUndefined()
  })

  test.each([
    ['small capitals', 'ᴀɴɴᴀ_ʟᴇᴇ'],
    ['letters of phonetics', 'ɑnnɑ'],
    ['an obsolete Cyrillic letter', 'ѡмега'],
    ['polytonic Greek', 'Ἀθηνᾶ'],
    ['a Hebrew accent', 'שלו֑ם'],
    ['a small Myanmar letter of Shan', 'မြန်ꧠာ'],
    ['a Khmer letter out of use', 'ភាសាឣខ្មែរ'],
    ['a rare ideograph', '𠮷野さん家'],
    ['bopomofo', '中文ㄅㄆ'],
    ['a vowel point of Hebrew', 'שלוםָ'],
    ['a historic kana', 'さん𛀂か'],
    ['a capital whose small letter is rare', 'ⱭᲱᲱᲱᲱ'],
  ])(
    'a new username may not contain %s, a character that UTS #39 restricts',
    { tags: ['SESSION-17'] },
    (_what, typed) => {
      expect(refusalOf(typed)).toBe('invalid_characters')
      expect(messageFor(typed)).toMatch(
        /^Must contain only letters in everyday use.*Replace (“.+”|the character U\+.+)\.$/u,
      )
      expect(usernameKey(typed)).toBeDefined()
    },
  )

  test('huge input is refused as too long for a username', () => {
    for (const typed of ['a'.repeat(50_000_000), '\u0301'.repeat(5_000_000), '\ud800'.repeat(5_000_000)]) {
      expect(refusalOf(typed)).toBe('too_long')
      expect(usernameKey(typed)).toBeUndefined()
    }
  })
})

describe('the message for a refused username', () => {
  test.each([
    ['ann bee', 'Remove the space'],
    ['anna😀', 'Remove “😀”'],
    ['ann\u202ea', 'Remove the character U+202E'],
    ['ann@example.org', 'cannot be an e-mail address'],
    ['محمد١', 'Use the digits 0 to 9 instead of “١”'],
    ['ann', 'Must be 4 to 32 characters.'],
    ['a'.repeat(33), 'Must be 4 to 32 characters.'],
    ['pаypal', 'in one script'],
    ['....', 'at least one letter or digit'],
  ])('the message for the username %j says: %s', (typed, advice) => {
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
  ])('the text of a username is %s', (_how, typed, text) => {
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
  ])('the key of a username is in lower case: %s', (_what, typed, key) => {
    expect(keyOf(typed)).toBe(key)
    expect(usernameKey(typed)).toBe(key)
  })

  test('usernames that differ in more than case have different keys', () => {
    expect(keyOf('straße')).not.toBe(keyOf('strasse'))
    expect(keyOf('kırmızı')).not.toBe(keyOf('kirmizi'))
  })

  test('an existing username that new users may not choose still has a key for sign-in', () => {
    expect(usernameKey('pаypal')).toBe('pаypal')
    expect(usernameKey('....')).toBe('....')
    expect(usernameKey('H\u0331anna')).toBe('ẖanna')
  })
})

describe('the looks of a username', () => {
  test('parsing a username does not compute its looks', () => {
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
  ])('the looks of the username %s are %j', (typed, looks) => {
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
    ['মোহনদা', 'মােহনদা'],
    // A nukta before and after a stacked ra.
    ['ক়্রকক', 'ক্র়কক'],
    ['சோழன்', 'சாேழன்'],
    ['ស្រីមុំ', 'ស្រីមំុ'],
    ['කළූකක', 'කළුෑකක'],
    ['ក្មឹកក', 'កឹ្មកក'],
    ['कि्ककक', 'क्किकक'],
    ['ककँःक', 'ककःँक'],
    ['कककॉ्ुक', 'कककॉु्क'],
    ['กก่ัก', 'กกั่ก'],
    ['ကကေိက', 'ကကိေက'],
    ['ހހަުހ', 'ހހުަހ'],
    ['কককরক', 'কককব়ক'],
    ['ক্রক', 'ক্ৰক'],
    ['ਕਕਈਂਕ', 'ਕਕਈੰਕ'],
    ['ਕਕੜਕ', 'ਕਕਡ਼ਕ'],
    ['ककरृक', 'ककर्ऋक'],
    ['ಕಕರೃಕ', 'ಕಕರ್ಋಕ'],
    ['ककर्ऑक', 'ककर्आॅक'],
    ['កករុិក', 'កករ៉ិក'],
    ['ببفب', 'ببࢼب'],
    ['ببنب', 'ببࢽب'],
    ['ببڢب', 'ببࢻب'],
    ['بببں', 'بببࢽ'],
    ['ببںءب', 'ببࢽءب'],
    ['કકર્ઑક', 'કકર્અૉક'],
    ['કકર્ઓક', 'કકર્અોક'],
    ['કકર્ઔક', 'કકર્અૌક'],
    ['สำราญ', 'สําราญ'],
    ['น้ำใสๆ', 'นํ้าใสๆ'],
    ['ຄຳແພງ', 'ຄໍາແພງ'],
  ])('the usernames %s and %s look alike', { tags: ['SESSION-13'] }, (one, other) => {
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
    ['मन्त्रक', 'मन्तरक'],
    ['ဇော်မင်း', 'ဇော်မင်'],
    ['بببن', 'بببں'],
  ])('the usernames %s and %s do not look alike', (one, other) => {
    expect(collide(one, other)).toBe(false)
    expect(collide(other, one)).toBe(false)
  })

  test('a Greek capital I looks like l, as every capital I does, and not like i', () => {
    expect(collide('ΝΙΝΑ', 'nlna')).toBe(true)
    expect(collide('ΝΙΝΑ', 'nina')).toBe(false)
  })
})

const anyOf = (characters: string[]): fc.Arbitrary<string> =>
  fc.nat(characters.length - 1).map((index) => characters[index] ?? '')

/** The allowed characters by script, so that random names of a single script occur. */
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
    if (isUsernameCharacter(character) && isAllowedInIdentifiers(character)) characters.push(character)
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

  test('parsing the text of any username gives the same username', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        expect(parseUsername(textOf(name))).toEqual(parseUsername(name))
      }),
      { numRuns: 2000 },
    )
  })

  test('the key of any username has the same key', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        expect(keyOf(keyOf(name))).toBe(keyOf(name))
        expect(usernameKey(name)).toBe(keyOf(name))
      }),
      { numRuns: 2000 },
    )
  })

  test('any username has one key in every normalisation form', () => {
    fc.assert(
      fc.property(accepted, fc.constantFrom('NFC', 'NFD'), (name, form) => {
        expect(parseUsername(name.normalize(form))).toEqual(parseUsername(name))
      }),
      { numRuns: 1000 },
    )
  })

  test('an ASCII username has one key and shares a look in upper and lower case', () => {
    fc.assert(
      fc.property(ascii, (name) => {
        for (const variant of [name.toLowerCase(), name.toUpperCase()]) {
          expect(keyOf(variant)).toBe(keyOf(name))
          expect(collide(variant, name)).toBe(true)
        }
      }),
    )
  })

  test('an ASCII username looks like its lower case, or with l for each capital I', () => {
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

  test('usernames with the same key share a look', () => {
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

  test('the key of any username has one look, which the username shares', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        const [look, ...others] = looksOf(keyOf(name))
        expect(others).toEqual([])
        expect(looksOf(name)).toContain(look)
      }),
      { numRuns: 2000 },
    )
  })

  test('any username has one or two looks, sorted', () => {
    fc.assert(
      fc.property(accepted, (name) => {
        const looks = looksOf(name)
        expect([1, 2]).toContain(looks.length)
        expect(looks).toEqual(Array.from(new Set(looks)).sort())
      }),
      { numRuns: 2000 },
    )
  })

  test('a look has only itself as a look and no capitals, 0, 1 or m', () => {
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

  test('any text is either a valid username or refused with a code', () => {
    fc.assert(
      fc.property(typed, (name) => refusalOf(name) !== ''),
      { numRuns: 2000 },
    )
  })

  test('a username of one repeated letter shares a look with its key', () => {
    for (const character of characters.filter((one) => /^\p{L}$/v.test(one))) {
      const name = character.repeat(4)
      // The small letter may be rare.
      if (refusalOf(name) !== 'accepted') continue
      const key = keyOf(name)
      expect(keyOf(key) === key && !looksOf(name).includes('') && collide(key, name)).toBe(true)
    }
  })
})

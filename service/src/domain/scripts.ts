import { allowedInIdentifiers } from './identifier-status.ts'

/**
 * Which characters a username may hold and which scripts may stand together: the IdentifierClass of
 * RFC 8264 narrowed to letters, their marks and ASCII digits of the scripts UAX #31 recommends.
 */

const mixtures = [
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Hangul'],
  ['Han', 'Bopomofo'],
]

const alone =
  'Latin Cyrillic Greek Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew Kannada ' +
  'Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'

/** The scripts of UAX #31, table 5: each alone, or as Japanese, Korean and Chinese mix them (UTS #39, 5.1). */
const writingSystems = [...alone.split(' ').map((script) => [script]), ...mixtures]

/**
 * Characters that belong to every writing system: digits, separators, and the few letters and marks without a script
 * that UTS #39 allows in identifiers: the ʻokina, horn, comma below, cedilla and ogonek. Stress marks, musical stems and
 * overlays are left out.
 */
const everywhere = String.raw`0-9._\-\u02BB\u031B\u0326-\u0328`

const writtenIn = (scripts: readonly string[]): RegExp =>
  new RegExp(`^[${everywhere}${scripts.map((script) => `\\p{scx=${script}}`).join('')}]*$`, 'v')

const oneWritingSystem = writingSystems.map(writtenIn)
const anyWritingSystem = writtenIn([...new Set(writingSystems.flat())])

/**
 * Titlecase letters, enclosing marks, symbols, spaces, controls and the unassigned are absent from these
 * categories; subtracted are the ignorables (RFC 8264, 9.13), the conjoining jamo (9.9; modern syllables
 * are composed by NFC) and the letters and marks disallowed by name (9.6).
 */
const identifierCharacter =
  /^[[\p{Ll}\p{Lu}\p{Lo}\p{Lm}\p{Mn}\p{Mc}0-9._\-]--[\p{Default_Ignorable_Code_Point}\u1100-\u11FF\uA960-\uA97C\uD7B0-\uD7FB\u0640\u07FA\u302E\u302F\u3031-\u3035\u303B]]$/v

/**
 * RFC 8264, 9.17: a character with a compatibility form is another spelling of that form. Thai and Lao am are accepted,
 * because keyboards type them in common names. They look like their forms.
 */
const hasCompatibilityForm = (character: string): boolean =>
  !/[\u0E33\u0EB3]/.test(character) && character.normalize('NFKC') !== character

/** Whether a username may hold this character, one code point of a string in NFC. */
export const isUsernameCharacter = (character: string): boolean =>
  identifierCharacter.test(character) && anyWritingSystem.test(character) && !hasCompatibilityForm(character)

/** Whether UTS #39, 3.1, allows the character in identifiers: letters in everyday use, without technical and historic ones. */
export const isAllowedInIdentifiers = (character: string): boolean => {
  allowed ??= new RegExp(
    `^[${allowedInIdentifiers.replace(/[0-9a-f]+/g, String.raw`\u{$&}`).replace(/\s/g, '')}]$`,
    'v',
  )
  return allowed.test(character)
}

let allowed: RegExp | undefined

/** Whether one writing system covers the whole text, made of characters a username may hold. */
export const isOneWritingSystem = (text: string): boolean =>
  oneWritingSystem.some((system) => system.test(text))

const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Thaana}]/v
const rightToLeftName =
  /^(?![^]*[\p{L}--[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Thaana}]])\p{L}(?:[^]*[\p{L}0-9])?\p{M}*$/v

/**
 * The Bidi rule (RFC 5893, 2) as far as the allowed characters can break it: a name with a right-to-left
 * letter starts with one, ends with one or a digit (and marks), and has no left-to-right letter.
 */
export const satisfiesBidiRule = (text: string): boolean =>
  !rightToLeft.test(text) || rightToLeftName.test(text)

import { InvalidValue } from './invalid-value.ts'
import { isOneWritingSystem, isUsernameCharacter, keepsBidiRule } from './scripts.ts'

declare const parsed: unique symbol

/**
 * The name a person is known by (RFC 8265, UsernameCaseMapped); made in this file alone. What it looks like
 * (`looksOf`) is unique, too, and worked out when a name is taken only: it costs more than all else about a name.
 */
export interface Username {
  /** As the person typed it, in NFC and with full-width and half-width forms made ordinary. */
  readonly text: string
  /** The case-mapped form: unique, and what people sign in with. */
  readonly key: string
  readonly [parsed]: true
}

const minCharacters = 4
const maxCharacters = 32

/** No composed character has more than four code points (8 UTF-16 units) when decomposed. */
const maxTypedUnits = maxCharacters * 8

/**
 * Reads the name somebody wants. Throws InvalidValue with `too_short`, `too_long`, `invalid_characters`,
 * `mixed_scripts` or `invalid_format`. The rules are those of RFC 8265, 3.3, and UTS #39, 5.1 and 5.4.
 */
export const parseUsername = (typed: string): Username => {
  if (typed.length > maxTypedUnits) throw tooLong()
  const text = normalised(typed)
  const refused = Array.from(text).find((character) => !isUsernameCharacter(character))
  if (refused !== undefined) throw new InvalidValue('invalid_characters', adviceAgainst(refused))
  const key = caseMapped(text)
  if (isTooShort(text, key)) throw tooShort()
  if (isTooLong(text, key)) throw tooLong()
  if (!isOneWritingSystem(text)) throw new InvalidValue('mixed_scripts', oneScriptOnly)
  requireForm(text)
  return { text, key } as Username
}

/**
 * The key to look up for whatever somebody typed at sign-in; `undefined` when no username has it. Asks less
 * than `parseUsername`, so that a name stays usable when the rules for new ones become stricter.
 */
export const usernameKey = (typed: string): string | undefined => adoptUsername(typed)?.key

/**
 * Takes over a name that somebody has in another service; `undefined` when nobody could sign in with it. Asks as little as
 * `usernameKey` does: nobody loses a name to rules that are stricter here.
 */
export const adoptUsername = (typed: string): Username | undefined => {
  if (typed.length > maxTypedUnits) return undefined
  const text = normalised(typed)
  const key = caseMapped(text)
  if (isTooShort(text, key) || isTooLong(text, key)) return undefined
  return Array.from(text).every(isUsernameCharacter) ? ({ text, key } as Username) : undefined
}

/** The form in which a fragment of a name is looked for in keys; `undefined` when no name can hold it. */
export const fragmentKey = (typed: string): string | undefined => {
  if (typed.length > maxTypedUnits) return undefined
  const text = normalised(typed.trim())
  const key = caseMapped(text)
  if (key === '' || isTooLong(text, key)) return undefined
  return Array.from(text).every(isUsernameCharacter) ? key : undefined
}

/** RFC 8265, 3.3.1 and 3.3.2: the width mapping, then NFC. Half-width jamo map to nothing we allow. */
const normalised = (typed: string): string =>
  typed.replace(/[\uFF01-\uFF9F]/g, (wide) => wide.normalize('NFKC')).normalize('NFC')

const caseMapped = (text: string): string => text.toLowerCase().normalize('NFC')

const lengthOf = (text: string): number => Array.from(text).length

// Small letters may compose where capitals do not and the other way round: both forms keep the limits.
const isTooShort = (text: string, key: string): boolean =>
  Math.min(lengthOf(text), lengthOf(key)) < minCharacters
const isTooLong = (text: string, key: string): boolean =>
  Math.max(lengthOf(text), lengthOf(key)) > maxCharacters

const requireForm = (text: string): void => {
  if (!/[\p{L}0-9]/v.test(text)) {
    throw new InvalidValue('invalid_format', 'Use at least one letter or digit in the username.')
  }
  if (!/^(?:\p{L}\p{M}*|[0-9._\-])+$/v.test(text)) {
    throw new InvalidValue(
      'invalid_format',
      'An accent or other mark needs a letter before it: add the letter or remove the mark.',
    )
  }
  if (/(\p{Mn})\1|\p{Mn}{5}/v.test(text.normalize('NFD'))) {
    throw new InvalidValue(
      'invalid_format',
      'Too many marks on one letter: use each mark once and at most four of them.',
    )
  }
  if (!keepsBidiRule(text)) {
    throw new InvalidValue(
      'invalid_format',
      'A username written from right to left must start with a letter and end with a letter or digit.',
    )
  }
}

const tooShort = (): InvalidValue =>
  new InvalidValue('too_short', `Choose a username of at least ${minCharacters} characters.`)

const tooLong = (): InvalidValue =>
  new InvalidValue('too_long', `Choose a username of at most ${maxCharacters} characters.`)

const oneScriptOnly =
  'Write the whole username in one script, such as only Latin or only Cyrillic; letters of different scripts can look alike.'

const adviceAgainst = (character: string): string => {
  if (character === '@') return 'A username cannot be an e-mail address: leave out “@”.'
  if (/^\p{Nd}$/v.test(character)) return `Use the digits 0 to 9 in place of “${character}”.`
  return `Use only letters, digits, “.”, “_” and “-” in the username: remove ${named(character)}.`
}

const named = (character: string): string => {
  if (character === ' ') return 'the space'
  if (/^[\p{L}\p{N}\p{P}\p{S}]$/v.test(character)) return `“${character}”`
  const codePoint = character.codePointAt(0) ?? 0
  return `the character U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
}

import { InvalidValue } from './invalid-value.ts'
import {
  isAllowedInIdentifiers,
  isOneWritingSystem,
  isUsernameCharacter,
  satisfiesBidiRule,
} from './scripts.ts'

declare const parsed: unique symbol

/**
 * The name of a user (RFC 8265, UsernameCaseMapped); created in this file only. Its looks (`looksOf`) are unique too.
 * They are computed only when a name is chosen, because that is the most expensive step.
 */
export interface Username {
  /** As the user typed it, in NFC, with full-width and half-width forms replaced by ordinary ones. */
  readonly text: string
  /** The case-mapped form: unique, and used to sign in. */
  readonly key: string
  readonly [parsed]: true
}

/** In code points. */
export const USERNAME_LIMITS = { minimum: 4, maximum: 32 } as const

/** No composed character has more than four code points (8 UTF-16 units) when decomposed. */
const maxTypedUnits = USERNAME_LIMITS.maximum * 8

/**
 * Reads the name that a user chooses. Throws InvalidValue with `too_short`, `too_long`, `invalid_characters`,
 * `mixed_scripts` or `invalid_format`. The rules are those of RFC 8265, 3.3, and UTS #39, 3.1, 5.1 and 5.4.
 */
export const parseUsername = (typed: string): Username => {
  if (typed.length > maxTypedUnits) throw tooLong()
  const text = normalised(typed)
  const refused = Array.from(text).find((character) => !isUsernameCharacter(character))
  if (refused !== undefined) throw new InvalidValue('invalid_characters', adviceAgainst(refused))
  const key = caseMapped(text)
  if (isTooShort(text, key)) throw tooShort()
  if (isTooLong(text, key)) throw tooLong()
  const restricted = Array.from(text + key).find((character) => !isAllowedInIdentifiers(character))
  if (restricted !== undefined) throw new InvalidValue('invalid_characters', everydayOnly(restricted))
  if (!isOneWritingSystem(text)) throw new InvalidValue('mixed_scripts', oneScriptOnly)
  requireForm(text)
  return { text, key } as Username
}

/**
 * The lookup key of the text typed at sign-in; `undefined` when it cannot be a username. It is less strict
 * than `parseUsername`, so that a name stays usable when the rules for new ones become stricter.
 */
export const usernameKey = (typed: string): string | undefined => parseLegacyUsername(typed)?.key

/**
 * Reads a name from another service; `undefined` if it could not be used to sign in. It is as lenient as `usernameKey`,
 * so that no user loses a name because of newer rules.
 */
export const parseLegacyUsername = (typed: string): Username | undefined => {
  if (typed.length > maxTypedUnits) return undefined
  const text = normalised(typed)
  const key = caseMapped(text)
  if (isTooShort(text, key) || isTooLong(text, key)) return undefined
  return Array.from(text).every(isUsernameCharacter) ? ({ text, key } as Username) : undefined
}

/** The form of a name's fragment that a search compares with keys; `undefined` if no name can contain it. */
export const searchKey = (typed: string): string | undefined => {
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

// Case mapping can change the length, so both forms must be within the limits.
const isTooShort = (text: string, key: string): boolean =>
  Math.min(lengthOf(text), lengthOf(key)) < USERNAME_LIMITS.minimum
const isTooLong = (text: string, key: string): boolean =>
  Math.max(lengthOf(text), lengthOf(key)) > USERNAME_LIMITS.maximum

const requireForm = (text: string): void => {
  if (!/[\p{L}0-9]/v.test(text)) {
    throw new InvalidValue('invalid_format', 'Must contain at least one letter or digit.')
  }
  if (!/^(?:\p{L}\p{M}*|[0-9._\-])+$/v.test(text)) {
    throw new InvalidValue(
      'invalid_format',
      'An accent or other mark must follow a letter. Add the letter, or remove the mark.',
    )
  }
  if (/(\p{Mn})\1|\p{Mn}{5}/v.test(text.normalize('NFD'))) {
    throw new InvalidValue(
      'invalid_format',
      'Too many marks on one letter. Use each mark once, and at most four of them.',
    )
  }
  if (!satisfiesBidiRule(text)) {
    throw new InvalidValue(
      'invalid_format',
      'A username written from right to left must start with a letter and end with a letter or digit.',
    )
  }
}

const lengthAdvice = `Must be ${USERNAME_LIMITS.minimum} to ${USERNAME_LIMITS.maximum} characters.`

const tooShort = (): InvalidValue => new InvalidValue('too_short', lengthAdvice)

const tooLong = (): InvalidValue => new InvalidValue('too_long', lengthAdvice)

const oneScriptOnly =
  'Must be in one script, such as only Latin or only Cyrillic, because letters of different scripts can look alike.'

const everydayOnly = (character: string): string =>
  `Must contain only letters in everyday use, because rare ones can look like others. Replace ${named(character)}.`

const adviceAgainst = (character: string): string => {
  if (character === '@') return 'A username cannot be an e-mail address. Remove “@”.'
  if (/^\p{Nd}$/v.test(character)) return `Use the digits 0 to 9 instead of “${character}”.`
  return `Must contain only letters, digits, “.”, “_” and “-”. Remove ${named(character)}.`
}

const named = (character: string): string => {
  if (character === ' ') return 'the space'
  if (/^[\p{L}\p{N}\p{P}\p{S}]$/v.test(character)) return `“${character}”`
  const codePoint = character.codePointAt(0) ?? 0
  return `the character U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
}

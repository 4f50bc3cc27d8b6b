import { InvalidValue } from './invalid-value.ts'

declare const prepared: unique symbol
declare const chosen: unique symbol
declare const hashed: unique symbol

/** What somebody typed, in the form that is hashed and compared (RFC 8265, OpaqueString). */
export type Password = string & { readonly [prepared]: true }

/** A password somebody may choose: within the limits of `parseNewPassword`, the only place that makes one. */
export type NewPassword = Password & { readonly [chosen]: true }

/** A password's hash with its kind, parameters and salt, as it is stored. */
export type PasswordHash = string & { readonly [hashed]: true }

const maxCharacters = 128

/** UTF-16 units looked at: far above 128 characters, accents typed apart included, and cheap to prepare. */
const maxTypedUnits = 1024

/** OpaqueString has no controls and no line or paragraph separators; a lone surrogate is no character at all. */
const neverInPasswords = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u

/**
 * Reads the password somebody chooses: `minimumLength` to 128 code points, any of them, in any mixture (ASVS 6.2.1,
 * 6.2.5, 6.2.9). Throws InvalidValue with `too_short`, `too_long` or `invalid_characters`.
 */
export const parseNewPassword = (typed: string, minimumLength: number): NewPassword => {
  if (typed.length > maxTypedUnits) throw tooLong()
  if (neverInPasswords.test(typed)) throw new InvalidValue('invalid_characters', noControls)
  const password = opaqueString(typed)
  const characters = Array.from(password).length
  if (characters < minimumLength) throw tooShort(minimumLength)
  if (characters > maxCharacters) throw tooLong()
  return password as NewPassword
}

/**
 * Prepares what somebody typed to sign in; `undefined` when no password is written so. Asks less than
 * `parseNewPassword`, so that a password stays usable when the limits for new ones become stricter.
 */
export const normalizePassword = (typed: string): Password | undefined => {
  if (typed === '' || typed.length > maxTypedUnits) return undefined
  return neverInPasswords.test(typed) ? undefined : opaqueString(typed)
}

/**
 * RFC 8265, 4.2.2: other spaces become U+0020, then NFC; nothing is trimmed, cut or changed in case. Unassigned code
 * points stay, against the letter of the RFC: a new emoji must not depend on the Unicode version of the server.
 */
const opaqueString = (typed: string): Password => typed.replace(/\p{Zs}/gu, ' ').normalize('NFC') as Password

const noControls = 'A password cannot hold tabs, line breaks or other control characters. Leave them out.'

const tooShort = (minimumLength: number): InvalidValue =>
  new InvalidValue(
    'too_short',
    `Use at least ${minimumLength} characters. A few random words are easy to remember.`,
  )

const tooLong = (): InvalidValue => new InvalidValue('too_long', `Use at most ${maxCharacters} characters.`)

import { InvalidValue } from './invalid-value.ts'

declare const prepared: unique symbol
declare const withinLimits: unique symbol
declare const hashed: unique symbol

/** A typed password in the form that is hashed and compared (RFC 8265, OpaqueString). */
export type Password = string & { readonly [prepared]: true }

/** A password within the limits for new passwords; created by `parseNewPassword` only. */
export type NewPassword = Password & { readonly [withinLimits]: true }

/** A password's hash with its kind, parameters and salt, as it is stored. */
export type PasswordHash = string & { readonly [hashed]: true }

/** Of a new password, in code points. PASSWORD_MIN_LENGTH may raise the minimum. */
export const PASSWORD_LIMITS = { minimum: 8, maximum: 128 } as const

/**
 * The longest input in UTF-16 units: more than any 128 characters with combining accents need, and cheap to prepare.
 */
export const TYPED_PASSWORD_LIMIT = 1024

/** OpaqueString has no controls and no line or paragraph separators; a lone surrogate is not a character. */
const neverInPasswords = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u

/**
 * Reads a new password: `minimumLength` to 128 code points, any of them, in any mixture (ASVS 6.2.1,
 * 6.2.5, 6.2.9). Throws InvalidValue with `too_short`, `too_long` or `invalid_characters`.
 */
export const parseNewPassword = (typed: string, minimumLength: number): NewPassword => {
  if (typed.length > TYPED_PASSWORD_LIMIT) throw tooLong()
  if (neverInPasswords.test(typed)) throw new InvalidValue('invalid_characters', noControls)
  const password = opaqueString(typed)
  const characters = Array.from(password).length
  if (characters < minimumLength) throw tooShort(minimumLength)
  if (characters > PASSWORD_LIMITS.maximum) throw tooLong()
  return password as NewPassword
}

/**
 * Prepares the password typed at sign-in; `undefined` when it cannot be a password. It is less strict than
 * `parseNewPassword`, so that a password stays usable when the limits for new ones become stricter.
 */
export const normalizePassword = (typed: string): Password | undefined => {
  if (typed === '' || typed.length > TYPED_PASSWORD_LIMIT) return undefined
  return neverInPasswords.test(typed) ? undefined : opaqueString(typed)
}

/**
 * RFC 8265, 4.2.2: other spaces become U+0020, then NFC; nothing is trimmed, cut or changed in case. Unassigned code
 * points stay, against the letter of the RFC: a new emoji must not depend on the Unicode version of the server.
 */
const opaqueString = (typed: string): Password => typed.replace(/\p{Zs}/gu, ' ').normalize('NFC') as Password

const noControls = 'Must not contain tabs, line breaks or other control characters. Remove them.'

const tooShort = (minimumLength: number): InvalidValue =>
  new InvalidValue(
    'too_short',
    `Must be ${minimumLength} to ${PASSWORD_LIMITS.maximum} characters. A few random words are easy to remember.`,
  )

const tooLong = (): InvalidValue =>
  new InvalidValue('too_long', `Must be at most ${PASSWORD_LIMITS.maximum} characters.`)

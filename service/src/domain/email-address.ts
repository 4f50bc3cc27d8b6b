import { isDomainLabel, toAscii } from './domain-label.ts'
import { InvalidValue } from './invalid-value.ts'

declare const parsed: unique symbol

/**
 * An address that mail servers deliver to in practice (RFC 5321): a dot-atom, `@` and a domain name. Quoted local
 * parts, comments, address literals and non-ASCII local parts (RFC 6531) are refused. The verification shows that the
 * user reads the mail. Created by `parseEmailAddress` only.
 */
export interface EmailAddress {
  /** To send to: the local part as typed, the domain in small letters and A-labels. */
  readonly text: string
  /** The whole address in small letters: unique, and used to sign in. */
  readonly key: string
  readonly [parsed]: true
}

/** RFC 5321, 4.5.3.1: 64 octets before the `@`; 256 for a path, two of which are its angle brackets. */
const maxLocalPart = 64
export const EMAIL_ADDRESS_LIMIT = 254

/** Throws InvalidValue with `too_long`, `invalid_characters` or `invalid_format`. */
export const parseEmailAddress = (typed: string): EmailAddress => {
  if (typed.length > EMAIL_ADDRESS_LIMIT) throw tooLong(`at most ${EMAIL_ADDRESS_LIMIT} characters`)
  if (/\s/v.test(typed)) throw new InvalidValue('invalid_characters', 'Must not contain spaces. Remove them.')
  const at = typed.lastIndexOf('@')
  if (at < 1) throw malformed('Must be a complete e-mail address, such as ann@example.org.')
  const localPart = typed.slice(0, at)
  requireLocalPart(localPart)
  const text = `${localPart}@${parseDomain(typed.slice(at + 1))}`
  if (text.length > EMAIL_ADDRESS_LIMIT) throw tooLong(`at most ${EMAIL_ADDRESS_LIMIT} characters`)
  return { text, key: text.toLowerCase() } as EmailAddress
}

/** The lookup key of the text typed at sign-in; `undefined` when it cannot be an address. */
export const emailKey = (typed: string): string | undefined => {
  try {
    return parseEmailAddress(typed).key
  } catch (error) {
    if (error instanceof InvalidValue) return undefined
    throw error
  }
}

/** RFC 5322, 3.2.3: dot-atom-text. */
const dotAtom = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i

const requireLocalPart = (localPart: string): void => {
  if (/[^\x21-\x7E]/v.test(localPart)) {
    throw new InvalidValue(
      'invalid_characters',
      'The part before the “@” must contain only unaccented Latin letters, digits and common symbols.',
    )
  }
  if (localPart.length > maxLocalPart) throw tooLong(`at most ${maxLocalPart} characters before the “@”`)
  if (!dotAtom.test(localPart)) {
    throw malformed(
      'The part before the “@” must not contain quotes, brackets or commas, nor begin or end with a dot, nor have two dots in a row.',
    )
  }
}

/** RFC 1123, 2.1, and RFC 3696, 2: at least two labels; one that starts with a digit would end an IP address. */
const parseDomain = (typed: string): string => {
  const domain = inALabels(typed.normalize('NFC'))
  const labels = domain.split('.')
  const endsLikeAName = /^[a-z]/v.test(labels.at(-1) ?? '')
  if (labels.length < 2 || !endsLikeAName || !labels.every(isDomainLabel)) {
    throw malformed('The part after the “@” must be a domain, such as example.org.')
  }
  return domain
}

/**
 * Characters that a URL would read as syntax (`%`, `:`, `/`), drop (soft hyphens) or map (full-width forms). Those of
 * IDNA2008 that are neither letters nor digits stay.
 */
const notOfInternationalDomains =
  /[^\p{L}\p{M}\p{Nd}.\-\u00B7\u0375\u05F3\u05F4\u06FD\u06FE\u0F0B\u200C\u200D\u3007\u30FB]|[\p{Default_Ignorable_Code_Point}--[\u200C\u200D]]/v

/** The domain in small letters and A-labels (RFC 5890), or an empty string if it has none. */
const inALabels = (domain: string): string => {
  if (/^\p{ASCII}*$/v.test(domain)) return domain.toLowerCase()
  if (notOfInternationalDomains.test(domain) || domain.normalize('NFKC') !== domain) return ''
  return toAscii(domain) ?? ''
}

const malformed = (message: string): InvalidValue => new InvalidValue('invalid_format', message)

const tooLong = (limit: string): InvalidValue => new InvalidValue('too_long', `Must be ${limit}.`)

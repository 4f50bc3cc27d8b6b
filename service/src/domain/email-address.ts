import { InvalidValue } from './invalid-value.ts'

declare const parsed: unique symbol

/**
 * An address that mail servers deliver to in practice (RFC 5321): a dot-atom, `@` and a domain name. Quoted
 * local parts, comments, address literals and non-ASCII local parts (RFC 6531) are refused. That somebody
 * reads the mail is shown by the verification, not here. Made by `parseEmailAddress` alone.
 */
export interface EmailAddress {
  /** To send to: the local part as typed, the domain in small letters and A-labels. */
  readonly text: string
  /** The whole address in small letters: unique, and what people sign in with. */
  readonly key: string
  readonly [parsed]: true
}

/** RFC 5321, 4.5.3.1: 64 octets before the `@`; 256 for a path, two of which are its angle brackets. */
const maxLocalPart = 64
const maxAddress = 254

/** Throws InvalidValue with `too_long`, `invalid_characters` or `invalid_format`. */
export const parseEmailAddress = (typed: string): EmailAddress => {
  if (typed.length > maxAddress) throw tooLong(`at most ${maxAddress} characters`)
  if (/\s/v.test(typed)) throw new InvalidValue('invalid_characters', 'Remove the space from the address.')
  const at = typed.lastIndexOf('@')
  if (at < 1) throw malformed('Enter a whole e-mail address, such as ann@example.org.')
  const localPart = typed.slice(0, at)
  requireLocalPart(localPart)
  const text = `${localPart}@${parseDomain(typed.slice(at + 1))}`
  if (text.length > maxAddress) throw tooLong(`at most ${maxAddress} characters`)
  return { text, key: text.toLowerCase() } as EmailAddress
}

/** The key to look up for whatever somebody typed at sign-in; `undefined` when no address has it. */
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
      'Use only Latin letters without accents, digits and common signs before the “@”.',
    )
  }
  if (localPart.length > maxLocalPart) throw tooLong(`at most ${maxLocalPart} characters before the “@”`)
  if (!dotAtom.test(localPart)) {
    throw malformed(
      'Check the part before the “@”: no quotes, brackets or commas, and no dot at its ends or next to another.',
    )
  }
}

const label = /^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$/v

/** RFC 1123, 2.1, and RFC 3696, 2: at least two labels; one that starts with a digit would end an IP address. */
const parseDomain = (typed: string): string => {
  const domain = toAscii(typed.normalize('NFC'))
  const labels = domain.split('.')
  const endsLikeAName = /^[a-z]/v.test(labels.at(-1) ?? '')
  if (labels.length < 2 || !endsLikeAName || !labels.every((each) => label.test(each))) {
    throw malformed('Check the part after the “@”: it should be a domain such as example.org.')
  }
  return domain
}

/** What a URL would read as more than a name (`%`, `:`, `/`), drop (soft hyphens) or map (full-width forms). */
const notOfInternationalDomains = /[^\p{L}\p{M}\p{Nd}.\-]|\p{Default_Ignorable_Code_Point}/v

/** The A-label form (RFC 5890, by UTS #46); an empty string, which is no domain, when there is none. */
const toAscii = (domain: string): string => {
  if (/^\p{ASCII}*$/v.test(domain)) return domain.toLowerCase()
  if (notOfInternationalDomains.test(domain) || domain.normalize('NFKC') !== domain) return ''
  const url = `http://${domain}`
  return URL.canParse(url) ? new URL(url).hostname : ''
}

const malformed = (message: string): InvalidValue => new InvalidValue('invalid_format', message)

const tooLong = (limit: string): InvalidValue =>
  new InvalidValue('too_long', `Enter an e-mail address of ${limit}.`)

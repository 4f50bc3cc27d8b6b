import { InvalidValue } from './invalid-value.ts'

/** Where a request came from. */
export interface ClientAddress {
  /** IPv4 in dotted form, IPv6 as RFC 5952 spells it. */
  readonly text: string
  /** What one subscriber owns, in CIDR form: an IPv4 address, or the /64 of an IPv6 one. */
  readonly network: string
}

/** What a session knows of the device it lives on; shown to the person under "your devices". */
export interface Device {
  /** What the client calls itself across sign-ins; a later sign-in with the same one replaces the session. */
  readonly id: string | undefined
  readonly name: string
  readonly userAgent: string
  /** The address the person signed in from, as text. */
  readonly address: string
}

/** In characters. */
export const DEVICE_NAME_LIMIT = 100
const DEVICE_ID = /^[\x21-\x7e]{1,128}$/
/** The joiner that holds emoji together is the one invisible character allowed. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?!\u200D)\p{Cf}/u

export function parseDeviceId(text: string): string {
  if (DEVICE_ID.test(text)) return text
  throw new InvalidValue(
    'invalid_format',
    'A device id is 1 to 128 printable ASCII characters without spaces; a random UUID serves well.',
  )
}

export function parseDeviceName(text: string): string {
  if (text.length > DEVICE_NAME_LIMIT * 4 || Array.from(text).length > DEVICE_NAME_LIMIT) {
    throw new InvalidValue('too_long', `Use at most ${DEVICE_NAME_LIMIT} characters.`)
  }
  const name = text.trim()
  if (name === '') throw new InvalidValue('too_short', 'Leave the name out, or use at least one character.')
  if (UNPRINTABLE.test(name)) {
    throw new InvalidValue('invalid_characters', 'Use only characters that can be seen.')
  }
  return name
}

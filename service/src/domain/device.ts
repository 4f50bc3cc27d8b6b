import { InvalidValue } from './invalid-value.ts'

/** The address a request came from. */
export interface ClientAddress {
  /** IPv4 in dotted form, IPv6 as RFC 5952 spells it. */
  readonly text: string
  /** The network of one subscriber in CIDR form: an IPv4 address, or the /64 of an IPv6 address. */
  readonly network: string
  /** The networks around it, narrowest first: the /56 and /48 of an IPv6 address. */
  readonly widerNetworks: readonly string[]
}

/** Where a request came from. */
export interface Place {
  /** As text. */
  readonly address: string
  readonly userAgent: string
}

/** The device of a session, as the user sees it under "your devices", and the place of the sign-in. */
export interface Device extends Place {
  /** Chosen by the client and the same at every sign-in. A later sign-in with the same id replaces the session. */
  readonly id: string | undefined
  readonly name: string
}

/** In characters. */
export const DEVICE_NAME_LIMIT = 100
export const DEVICE_ID_LIMIT = 128
/** Printable ASCII without spaces. */
export const DEVICE_ID = /^[!-~]+$/
/** The joiner that holds emoji together is the one invisible character allowed. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?!\u200D)\p{Cf}/u

export function parseDeviceId(text: string): string {
  if (text.length <= DEVICE_ID_LIMIT && DEVICE_ID.test(text)) return text
  throw new InvalidValue(
    'invalid_format',
    `Must be 1 to ${DEVICE_ID_LIMIT} printable ASCII characters without spaces, such as a random UUID.`,
  )
}

export function parseDeviceName(text: string): string {
  if (text.length > DEVICE_NAME_LIMIT * 4 || Array.from(text).length > DEVICE_NAME_LIMIT) {
    throw new InvalidValue('too_long', `Must be 1 to ${DEVICE_NAME_LIMIT} characters.`)
  }
  const name = text.trim()
  if (name === '')
    throw new InvalidValue(
      'too_short',
      `Must be 1 to ${DEVICE_NAME_LIMIT} characters. Leave the field out if there is no name.`,
    )
  if (UNPRINTABLE.test(name)) {
    throw new InvalidValue('invalid_characters', 'Contains invisible characters. Remove them.')
  }
  return name
}

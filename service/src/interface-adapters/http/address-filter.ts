import { isIP, isIPv4 } from 'node:net'
import { forwardedAddress } from './forwarded-address.ts'

const PREFIX = /^(?:0|[1-9]\d{0,2})$/

/** Reads an address, or a network in CIDR form, in the spelling that addresses are stored in; undefined for any other text. */
export function addressFilter(text: string): string | undefined {
  const [base = '', prefix, more] = text.split('/')
  // A zone has a meaning on one machine only, and PostgreSQL does not read it.
  if (isIP(base) === 0 || base.includes('%') || more !== undefined) return undefined
  if (prefix === undefined) return forwardedAddress(base)
  const isInRange = PREFIX.test(prefix) && Number(prefix) <= (isIPv4(base) ? 32 : 128)
  return isInRange ? `${base}/${prefix}` : undefined
}

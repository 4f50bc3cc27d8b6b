import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Wider ones are no network of anybody's proxies; whoever is in one can claim any address. */
const WIDEST = { 4: 8, 6: 16 } as const
const LONGEST = { 4: 32, 6: 128 } as const

export const TRUSTED_PROXIES_WANTED =
  'addresses or CIDR ranges such as 10.0.0.0/8, separated by commas; no IPv4 range is wider than /8, no IPv6 range ' +
  'wider than /16 or one of IPv4 addresses in IPv6 form'

/** Strict: lenient readers take 010.0.0.1 for 8.0.0.1, and a range of everything would believe everybody. */
export function isAddressOrRange(entry: string): boolean {
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
  const version = isIP(address)
  if (version !== 4 && version !== 6) return false
  if (bits === undefined) return true
  const width = Number(bits)
  if (width < WIDEST[version] || width > LONGEST[version]) return false
  return version === 4 || !meetsMappedAddresses(address, width)
}

/**
 * Whether the range lies in ::ffff:0:0/96 or around it. IPv4 addresses count as members there, so ::/16 and
 * ::ffff:0:0/96 would be all of them, however narrow they look.
 */
function meetsMappedAddresses(address: string, width: number): boolean {
  return ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parse('::ffff:0:0'), Math.min(width, 96))
}

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** A wider range is not a network of proxies: any machine in the range could claim any client address. */
const MINIMUM_BITS = { 4: 8, 6: 16 } as const
const MAXIMUM_BITS = { 4: 32, 6: 128 } as const

export const TRUSTED_PROXIES_WANTED =
  'addresses or CIDR ranges such as 10.0.0.0/8, separated by commas, not wider than /8 (IPv6: /16), and IPv4 not in ' +
  'its IPv6 form'

/** Strict: lenient parsers read 010.0.0.1 as 8.0.0.1, and a range of all addresses would trust every client. */
export function isAddressOrRange(entry: string): boolean {
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
  const version = isIP(address)
  if (version !== 4 && version !== 6) return false
  if (bits === undefined) return true
  const width = Number(bits)
  if (width < MINIMUM_BITS[version] || width > MAXIMUM_BITS[version]) return false
  return version === 4 || !meetsMappedAddresses(address, width)
}

/**
 * Whether the range overlaps ::ffff:0:0/96. IPv4 addresses match there, so ::/16 and ::ffff:0:0/96 would contain all of
 * them, however narrow they look.
 */
function meetsMappedAddresses(address: string, width: number): boolean {
  return ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parse('::ffff:0:0'), Math.min(width, 96))
}

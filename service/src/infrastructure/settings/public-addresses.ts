import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The only range of IPv6 from which public addresses are given out (RFC 4291, 2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * True for addresses of the public internet, false for every special-purpose range (IANA's registries). Addresses with
 * IPv4 inside (IPv4-compatible, mapped, NAT64, 6to4, Teredo) are not public, or count as that IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  // Lenient parsers read 010.1.2.3 as 8.1.2.3.
  if (isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST)
}

/** The IP address in a URL, without the brackets of IPv6; undefined when the URL has a host name. */
export function literalAddress({ hostname }: Pick<URL, 'hostname'>): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}

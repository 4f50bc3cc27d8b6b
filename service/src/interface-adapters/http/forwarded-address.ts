import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Some proxies add the port: `203.0.113.7:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:([\d.]+):\d{1,5}|\[([^\]]+)\](?::\d{1,5})?)$/

const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * An address as a proxy reports it, in one canonical spelling; undefined if it is not one. IPv4 in an IPv6 form (mapped,
 * or NAT64 of RFC 6052) becomes IPv4. Strict: lenient parsers read `010.1.2.3` as 8.1.2.3 and `1.2` as 1.0.0.2.
 */
export function forwardedAddress(reported: string | undefined): string | undefined {
  if (reported === undefined) return undefined
  // The common case needs no other parser: isIPv4 accepts the canonical spelling only.
  if (isIPv4(reported)) return reported
  const given = reported.replace(WITH_PORT, '$1$2')
  if (isIP(given) === 0) return undefined
  const address = ipaddr.process(given)
  if (address instanceof ipaddr.IPv4) return address.toString()
  if (address.match(NAT64)) return new ipaddr.IPv4(address.toByteArray().slice(-4)).toString()
  // Drops the zone of a link-local address, which has a meaning on this machine only.
  return new ipaddr.IPv6(address.parts).toString()
}

import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { ClientAddress } from '../../domain/device.ts'
import { forwardedAddress } from './forwarded-address.ts'

/** One subscriber usually gets a whole /64 of IPv6, many a /56, and a site a /48. */
const SUBSCRIBER_BITS = 64
const WIDER_BITS = [56, 48]
/** With 6to4 (RFC 3056) each IPv4 address has a /48. */
const BITS_OF_6TO4 = 48

/** The part of a request of Fastify that is read: the address that trusted proxies report, and the way to it. */
interface Forwarded {
  readonly ip: string
  readonly ips?: readonly string[] | undefined
}

/**
 * The client's address behind trusted proxies, in one canonical spelling. If the address that a proxy reports is not an
 * address, it is that of the proxy: what is known about the caller, and a budget that no header can change.
 */
export function clientAddress({ ip, ips }: Forwarded): ClientAddress {
  // "::" is unspecified: the connection has gone already.
  const text = forwardedAddress(ip) ?? forwardedAddress(ips?.at(-2)) ?? '::'
  if (isIPv4(text)) return { text, network: `${text}/32`, widerNetworks: [] }
  const bits = ipaddr.parse(text).range() === '6to4' ? BITS_OF_6TO4 : SUBSCRIBER_BITS
  const widerNetworks = WIDER_BITS.filter((wider) => wider < bits).map((wider) => networkOf(text, wider))
  return { text, network: networkOf(text, bits), widerNetworks }
}

const networkOf = (address: string, bits: number): string =>
  `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toString()}/${bits}`

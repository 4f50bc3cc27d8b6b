import { isLoopback } from './loopback.ts'
import { isPublicAddress, literalAddress } from './public-addresses.ts'

/** Names without a dot are of containers and the local network. */
const PRIVATE_NAME = /^[^.]+$|\.(?:internal|local|localhost|lan|svc|home\.arpa)$/i

/** Whether a host is this machine or in a private network, as far as its name or address tells. */
export function isPrivateHost(host: string): boolean {
  if (isLoopback(host)) return true
  const literal = literalAddress({ hostname: host })
  return literal === undefined ? PRIVATE_NAME.test(host) : !isPublicAddress(literal)
}

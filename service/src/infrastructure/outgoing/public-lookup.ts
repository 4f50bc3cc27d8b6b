import { lookup } from 'node:dns/promises'
import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { DeliveryFailed } from '../../application/ports/event-consumer.ts'

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

/** Of the whole internet: not of this machine, this network, or one that leads there (IANA's special-purpose registries). */
export const isPublicAddress = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast'

/** The address in a URL that names no host, without the brackets of IPv6; undefined for a name. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}

export const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true })

/**
 * Looks a name up for a connection and lets it have the addresses only if all of them are public. What was checked is what
 * is connected to: a name that answers differently a moment later (DNS rebinding) is not asked again.
 */
export const publicLookup =
  (resolve: Resolve): LookupFunction =>
  (hostname, options, callback) => {
    void checked(resolve, hostname).then(
      (addresses) => {
        const [first] = addresses
        if (options.all === true || first === undefined) callback(null, [...addresses])
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(error as Error, ''),
    )
  }

async function checked(resolve: Resolve, hostname: string): Promise<readonly LookupAddress[]> {
  const addresses = await resolve(hostname)
  if (addresses.some(({ address }) => !isPublicAddress(address))) {
    throw new DeliveryFailed('the name leads to a private address')
  }
  return addresses
}

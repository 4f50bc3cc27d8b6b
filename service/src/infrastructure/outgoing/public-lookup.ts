import { lookup } from 'node:dns/promises'
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { DeliveryFailed } from '../../application/ports/event-consumer.ts'
import { isPublicAddress } from '../settings/public-addresses.ts'

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

export const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true })

/**
 * Resolves a name for a connection and returns its addresses only if all of them are public. The connection goes to the
 * addresses that were checked: a name that resolves differently a moment later (DNS rebinding) is not resolved again.
 */
export const publicLookup =
  (resolve: Resolve): LookupFunction =>
  (hostname, options, callback) => {
    void resolvePublic(resolve, hostname).then(
      (addresses) => {
        const [first] = addresses
        if (options.all === true || first === undefined) callback(null, [...addresses])
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(error as Error, ''),
    )
  }

async function resolvePublic(resolve: Resolve, hostname: string): Promise<readonly LookupAddress[]> {
  const addresses = await resolve(hostname)
  if (addresses.some(({ address }) => !isPublicAddress(address))) {
    throw new DeliveryFailed('the name leads to a private address')
  }
  return addresses
}

import { BlockList, isIPv4 } from 'node:net'
import { forwardedAddress } from '../../interface-adapters/http/forwarded-address.ts'

/** Whether an address is one of these proxies (addresses and CIDR ranges). Text that is not an address is not trusted. */
export function trustProxies(entries: readonly string[]): (address: string | undefined) => boolean {
  const proxies = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    if (bits === undefined) proxies.addAddress(address, familyOf(address))
    else proxies.addSubnet(address, Number(bits), familyOf(address))
  }
  return (reported) => {
    const address = forwardedAddress(reported)
    return address !== undefined && proxies.check(address, familyOf(address))
  }
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6')

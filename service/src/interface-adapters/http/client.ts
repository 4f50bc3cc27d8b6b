import Bowser from 'bowser'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { ClientAddress } from '../../domain/device.ts'

const USER_AGENT_LIMIT = 512
const SUBSCRIBER_BITS = 64

/** Where the request came from, past the proxies that are trusted. Any spelling of an address gives the same. */
export function clientAddress(request: FastifyRequest): ClientAddress {
  const address = ipaddr.isValid(request.ip) ? ipaddr.process(request.ip) : ipaddr.parse('::')
  const text = address.toString()
  if (address.kind() === 'ipv4') return { text, network: `${text}/32` }
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${text}/${SUBSCRIBER_BITS}`)
  return { text, network: `${network.toString()}/${SUBSCRIBER_BITS}` }
}

export const userAgent = (request: FastifyRequest): string =>
  (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_LIMIT)

/** A name for the device that its owner recognises, such as "Firefox on Linux". */
export function describeDevice(agent: string): string {
  if (agent === '') return 'Unknown device'
  const { browser, os } = Bowser.parse(agent)
  const parts = [browser.name, os.name].filter((part) => part !== undefined && part !== '')
  return parts.length > 0 ? parts.join(' on ') : (agent.split('/')[0] ?? '').slice(0, 50)
}

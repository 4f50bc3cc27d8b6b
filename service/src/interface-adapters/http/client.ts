import { isIPv4 } from 'node:net'
import Bowser from 'bowser'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { DEVICE_NAME_LIMIT, type ClientAddress } from '../../domain/device.ts'

const USER_AGENT_LIMIT = 512
const SUBSCRIBER_BITS = 64

/** Some proxies add the port: `203.0.113.7:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:([\d.]+):\d+|\[([^\]]+)\](?::\d+)?)$/

/** Where the request came from, past the proxies that are trusted. Any spelling of an address gives the same. */
export function clientAddress(request: FastifyRequest): ClientAddress {
  // By far the most common, in the one spelling that this accepts.
  const { ip } = request
  if (isIPv4(ip)) return { text: ip, network: `${ip}/32` }
  const given = ip.replace(WITH_PORT, '$1$2')
  const address = ipaddr.isValid(given) ? ipaddr.process(given) : ipaddr.parse('::')
  if (address instanceof ipaddr.IPv4) return { text: address.toString(), network: `${address.toString()}/32` }
  // Without the zone a link-local address comes with: it is this machine's affair, and no part of the address.
  const text = new ipaddr.IPv6(address.parts).toString()
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${text}/${SUBSCRIBER_BITS}`)
  return { text, network: `${network.toString()}/${SUBSCRIBER_BITS}` }
}

export const userAgent = (request: FastifyRequest): string =>
  visible(request.headers['user-agent'] ?? '').slice(0, USER_AGENT_LIMIT)

/** A name for the device that its owner recognises, such as "Firefox on Linux". */
export function describeDevice(agent: string): string {
  const { browser, os } = agent === '' ? { browser: {}, os: {} } : Bowser.parse(agent)
  const parts = [browser.name, os.name].filter((part) => part !== undefined && part !== '')
  const name = parts.length > 0 ? parts.join(' on ') : (agent.split('/')[0] ?? '')
  return name.slice(0, DEVICE_NAME_LIMIT).trim() || 'Unknown device'
}

/** Header bytes may be control characters of terminals, too. */
const visible = (text: string): string => text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()

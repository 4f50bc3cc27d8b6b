import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { trustProxies } from '../../../src/infrastructure/http/trust-proxies.ts'
import { clientAddress } from '../../../src/interface-adapters/http/client-address.ts'
import { forwardedAddress } from '../../../src/interface-adapters/http/forwarded-address.ts'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:4711', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:cb00:7107', '203.0.113.7'],
  ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '203.0.113.7'],
  ['64:ff9b::cb00:7107', '203.0.113.7'],
  ['2001:DB8:0::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:4711', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::7f00:1', '::7f00:1'],
  ['2002:cb00:7107::1', '2002:cb00:7107::1'],
])('the reported address %s is read as %s', (reported, address) => {
  expect(forwardedAddress(reported)).toBe(address)
})

test.each([
  '',
  'unknown',
  '_hidden',
  '010.1.2.3',
  '203.0.113.007',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '127.1',
  '2130706433',
  '1.2.3',
  '1.2.3.4.5',
  '256.1.1.1',
  '1.2.3.4/32',
  '1.2.3.4:',
  '1.2.3.4:99999999',
  '::ffff:010.1.2.3',
  '::ffff:127.1',
  '2001:db8::1::',
  '[2001:db8::1',
  '2001:db8::g',
  '12345::1',
  '"203.0.113.7"',
  'for=203.0.113.7',
  '１.2.3.4',
  ' 1.2.3.4',
])('the reported text %j is not an address', (reported) => {
  expect(forwardedAddress(reported)).toBeUndefined()
})

test.each([
  ['203.0.113.7', '203.0.113.7/32'],
  ['2001:db8:1:2:3::4', '2001:db8:1:2::/64'],
  ['2002:cb00:7107:9::1', '2002:cb00:7107::/48'],
  ['64:ff9b::203.0.113.7', '203.0.113.7/32'],
])('attempts from %s count for the network %s', { tags: ['SIGN-IN-14'] }, (ip, network) => {
  expect(clientAddress({ ip, ips: undefined }).network).toBe(network)
})

test.each([
  ['203.0.113.7', []],
  ['2001:db8:1:2345:3::4', ['2001:db8:1:2300::/56', '2001:db8:1::/48']],
  ['2002:cb00:7107:9::1', []],
])('the wider networks of %s are %j', { tags: ['SIGN-IN-14'] }, (ip, networks) => {
  expect(clientAddress({ ip, ips: undefined }).widerNetworks).toEqual(networks)
})

test.each([
  ['127.0.0.1', true],
  ['10.1.2.3', true],
  ['10.1.2.3:4711', true],
  ['::ffff:10.1.2.3', true],
  ['2001:db8::7', true],
  ['11.1.2.3', false],
  ['2001:db9::7', false],
  // In octal it would be 10.1.2.3.
  ['012.1.2.3', false],
  ['10.1.2', false],
  ['unknown', false],
  [undefined, false],
])('whether %s is one of the trusted proxies is %s', (address, isTrusted) => {
  expect(trustProxies(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'])(address)).toBe(isTrusted)
})

describe('behind trusted proxies', () => {
  const app = Fastify({ trustProxy: trustProxies(['127.0.0.1', '10.0.0.0/8']) })
  beforeAll(() => {
    app.get('/', (request) => clientAddress(request))
  })
  afterAll(() => app.close())

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['203.0.113.7, 10.1.1.1', '203.0.113.7'],
    ['203.0.113.7, 10.1.1.1:4711', '203.0.113.7'],
    // The nearest trusted proxy, for text that is not an address.
    ['unknown', '127.0.0.1'],
    ['010.1.2.3', '127.0.0.1'],
    ['unknown, 10.1.1.1', '10.1.1.1'],
    ['203.0.113.7, unknown', '127.0.0.1'],
    ['203.0.113.7, 012.1.2.3', '127.0.0.1'],
    ['203.0.113.7, 012.1.2.3, 10.1.1.1', '10.1.1.1'],
    [' , ,', '127.0.0.1'],
    [undefined, '127.0.0.1'],
  ])('X-Forwarded-For: %s comes from %s', { tags: ['SIGN-IN-14'] }, async (header, address) => {
    const headers = header === undefined ? {} : { 'x-forwarded-for': header }
    const response = await app.inject({ url: '/', headers, remoteAddress: '127.0.0.1' })
    expect(response.json()).toEqual({
      text: address,
      network: `${address}/32`,
      widerNetworks: [],
    })
  })

  test('X-Forwarded-For of a caller that is not a proxy is ignored', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' }
    const response = await app.inject({ url: '/', headers, remoteAddress: '198.51.100.9' })
    expect(response.json()).toMatchObject({ text: '198.51.100.9' })
  })
})

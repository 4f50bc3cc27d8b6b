import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryFailed } from '../../../src/application/ports/event-consumer.ts'
import { publicLookup } from '../../../src/infrastructure/outgoing/public-lookup.ts'
import { isPublicAddress } from '../../../src/infrastructure/settings/public-addresses.ts'
import { safePost, type OutgoingOptions } from '../../../src/infrastructure/outgoing/safe-request.ts'
import { StubServer } from '../../support/stub-server.ts'

let standIn: StubServer
beforeEach(async () => {
  standIn = await StubServer.start()
})
afterEach(() => standIn.down())

const post = (url: string, options: Partial<OutgoingOptions> = {}): Promise<number> =>
  safePost({ allowPrivate: true, ...options })({ url, headers: { 'x-test': 'yes' }, body: '{"ü":1}' })

const reasonFor = async (call: Promise<number>): Promise<string> => {
  const error: unknown = await call.then(
    (status) => `answered ${status}`,
    (reason: unknown) => reason,
  )
  if (error instanceof DeliveryFailed) return error.message
  throw new Error(`it was not refused: ${String(error)}`)
}

/** A server that sends these bytes as soon as it gets a request. */
async function rawServer(
  speak: (socket: Socket) => void,
): Promise<{ url: string; server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => speak(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, sockets }
}

describe('an outgoing call', () => {
  test('an outgoing call is a POST that returns only the status', async () => {
    standIn.respond = (_, response) => response.writeHead(202).end('thank you')
    expect(await post(`${standIn.url}/hook?a=b`)).toBe(202)
    expect(standIn.received).toMatchObject([
      {
        method: 'POST',
        path: '/hook?a=b',
        body: '{"ü":1}',
        headers: { 'x-test': 'yes', 'content-length': '8' },
      },
    ])
  })

  test('an outgoing call does not follow redirects', { tags: ['OUT-1'] }, async () => {
    const other = await StubServer.start()
    for (const status of [301, 302, 303, 307, 308]) {
      standIn.respond = (_, response) => response.writeHead(status, { location: `${other.url}/` }).end()
      expect(await post(standIn.url)).toBe(status)
    }
    expect(other.received).toEqual([])
    await other.down()
  })

  test(
    'an outgoing call reads 16 KiB of an endless response and then disconnects',
    { tags: ['OUT-2'] },
    async () => {
      const closed = Promise.withResolvers<number>()
      standIn.respond = (_, response) => {
        let sent = 0
        const write = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(16 * 1024))) sent += 16 * 1024
        }
        response.writeHead(200)
        response.on('drain', write)
        response.on('close', () => closed.resolve(sent))
        write()
      }
      expect(await post(standIn.url, { timeLimitMs: 60_000 })).toBe(200)
      // At most what fits into the socket buffers of the operating system was written.
      expect(await closed.promise).toBeLessThan(32 * 1024 * 1024)
    },
  )

  test.each([
    ['that sends nothing', () => undefined],
    ['whose headers never end', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\nX: y\r\n')],
  ])('an outgoing call to a server %s ends at its time limit', { tags: ['OUT-2'] }, async (_, speak) => {
    const { url, server, sockets } = await rawServer(speak)
    expect(await reasonFor(post(url, { timeLimitMs: 50 }))).toBe('no response within 0.05 seconds')
    for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close')
    server.close()
  })

  test('an outgoing call with a status and an endless body returns the status', async () => {
    const { url, server } = await rawServer((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1'),
    )
    // Long enough for the status to arrive on a busy machine.
    expect(await post(url, { timeLimitMs: 3_000 })).toBe(200)
    server.close()
  })

  test.each([
    ['sends too many headers', `HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(20)}\r\n`],
    ['does not speak HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    [
      'switches to another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
  ])('an outgoing call to a server that %s fails', async (_, words) => {
    const { url, server } = await rawServer((socket) => socket.write(words))
    expect(await reasonFor(post(url))).toMatch(/^the (call failed: HPE_|connection ended without a response)/)
    server.close()
  })

  test('an outgoing call fails if the server hangs up or is down', async () => {
    const { url, server } = await rawServer((socket) => socket.destroy())
    expect(await reasonFor(post(url))).toBe('the call failed: ECONNRESET')
    server.close()
    await once(server, 'close')
    expect(await reasonFor(post(url))).toBe('the call failed: ECONNREFUSED')
  })

  test('an outgoing call fails if its host name does not resolve in time', async () => {
    const resolve = () => new Promise<never>(() => undefined)
    const call = post('https://hooks.example.org/', { allowPrivate: false, resolve, timeLimitMs: 50 })
    expect(await reasonFor(call)).toBe('no response within 0.05 seconds')
  })
})

describe('private addresses', () => {
  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '[fd00::1]',
    '[fe80::1]',
    '[::]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:808:808::]',
    '[::7f00:1]',
    '[::127.0.0.1]',
    '[::8.8.8.8]',
    '[64:ff9b::8.8.8.8]',
    '[64:ff9b:1::7f00:1]',
    '[::ffff:0:7f00:1]',
    '[2001:0:808:808::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[5f00::1]',
    '[100::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[4000::1]',
    '192.0.0.8',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
  ])('the private address %s is not called', { tags: ['OUT-3'] }, async (host) => {
    const call = post(`https://${host}:${standIn.port}/`, { allowPrivate: false })
    expect(await reasonFor(call)).toBe('the address is private')
    expect(standIn.received).toEqual([])
  })

  test.each([
    '8.8.8.8',
    '93.184.215.14',
    '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
    '2a00:1450:4001:82a::200e',
  ])('the address %s is public', (address) => expect(isPublicAddress(address)).toBe(true))

  // A resolver may return any text. Lenient parsers read the first four as public addresses.
  test.each([
    '010.1.2.3',
    '8.8.8',
    '134744072',
    '0x8.8.8.8',
    '8.8.8.8:443',
    '[2a00:1450:4001:82a::200e]',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::7f00:1',
    '',
    'unknown',
  ])('%j is not a public address', { tags: ['OUT-3'] }, (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test('a name that leads to a private address is not called', { tags: ['OUT-3'] }, async () => {
    // As the system itself resolves it.
    const call = post(`https://localhost:${standIn.port}/`, { allowPrivate: false })
    expect(await reasonFor(call)).toBe('the name leads to a private address')
  })

  test('a name with a private and a public address is not called', async () => {
    const resolve = () =>
      Promise.resolve([
        { address: '8.8.8.8', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ])
    const call = post('https://hooks.example.org/', { allowPrivate: false, resolve })
    expect(await reasonFor(call)).toBe('the name leads to a private address')
  })

  test.each([true, false])(
    'the connection uses the addresses that were checked, from one lookup (all: %s)',
    { tags: ['OUT-4'] },
    async (all) => {
      const results = ['8.8.8.8', '127.0.0.1'].map((address) => ({ address, family: 4 }))
      const asked: string[] = []
      const lookup = publicLookup((hostname) => {
        asked.push(hostname)
        return Promise.resolve(results.splice(0, 1))
      })
      const look = () =>
        new Promise((resolve) =>
          lookup('rebinding.example.org', { all }, (error, given) => resolve(error ?? given)),
        )
      expect(await look()).toEqual(all ? [{ address: '8.8.8.8', family: 4 }] : '8.8.8.8')
      expect(asked).toEqual(['rebinding.example.org'])
      expect(await look()).toEqual(new DeliveryFailed('the name leads to a private address'))
    },
  )

  test('private addresses are called if that is configured', async () => {
    expect(await post(standIn.url)).toBe(204)
  })

  test('an address without TLS is called only if private addresses are allowed', async () => {
    expect(await reasonFor(post('http://8.8.8.8/', { allowPrivate: false }))).toBe('the address is not https')
  })
})

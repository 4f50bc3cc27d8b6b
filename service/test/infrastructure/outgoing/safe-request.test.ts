import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryFailed } from '../../../src/application/ports/event-consumer.ts'
import { isPublicAddress, publicLookup } from '../../../src/infrastructure/outgoing/public-addresses.ts'
import { safePost, type OutgoingOptions } from '../../../src/infrastructure/outgoing/safe-request.ts'
import { StandIn } from '../../support/stand-in.ts'

let standIn: StandIn
beforeEach(async () => {
  standIn = await StandIn.start()
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

/** A server that says just that, as soon as it is spoken to. */
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
  test('is a POST with what was given, and its answer is the status alone', async () => {
    standIn.answer = (_, response) => response.writeHead(202).end('thank you')
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

  test('follows no redirect', async () => {
    const other = await StandIn.start()
    for (const status of [301, 302, 303, 307, 308]) {
      standIn.answer = (_, response) => response.writeHead(status, { location: `${other.url}/` }).end()
      expect(await post(standIn.url)).toBe(status)
    }
    expect(other.received).toEqual([])
    await other.down()
  })

  test('reads 16 KiB of an answer without an end and then leaves', async () => {
    const closed = Promise.withResolvers<number>()
    standIn.answer = (_, response) => {
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
    // What the system has room for between the two may have been written; not more.
    expect(await closed.promise).toBeLessThan(32 * 1024 * 1024)
  })

  test.each([
    ['that says nothing', () => undefined],
    ['whose headers never end', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\nX: y\r\n')],
  ])('to a server %s ends after its time', async (_, speak) => {
    const { url, server, sockets } = await rawServer(speak)
    expect(await reasonFor(post(url, { timeLimitMs: 50 }))).toBe('no answer within 0.05 seconds')
    for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close')
    server.close()
  })

  test('whose status came, and whose body never ends, counts by its status', async () => {
    const { url, server } = await rawServer((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1'),
    )
    expect(await post(url, { timeLimitMs: 50 })).toBe(200)
    server.close()
  })

  test.each([
    ['sends too many headers', `HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(20)}\r\n`],
    ['is no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    [
      'wants another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
  ])('to a server that %s fails', async (_, words) => {
    const { url, server } = await rawServer((socket) => socket.write(words))
    expect(await reasonFor(post(url))).toMatch(/^the (call failed: HPE_|connection ended without an answer)/)
    server.close()
  })

  test('to a server that hangs up fails, and to one that is not there', async () => {
    const { url, server } = await rawServer((socket) => socket.destroy())
    expect(await reasonFor(post(url))).toBe('the call failed: ECONNRESET')
    server.close()
    await once(server, 'close')
    expect(await reasonFor(post(url))).toBe('the call failed: ECONNREFUSED')
  })

  test('to a name that nobody resolves in time fails', async () => {
    const resolve = () => new Promise<never>(() => undefined)
    const call = post('https://hooks.example.org/', { allowPrivate: false, resolve, timeLimitMs: 50 })
    expect(await reasonFor(call)).toBe('no answer within 0.05 seconds')
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
    '224.0.0.1',
    '255.255.255.255',
  ])('%s is not called', async (host) => {
    const call = post(`https://${host}:${standIn.port}/`, { allowPrivate: false })
    expect(await reasonFor(call)).toBe('the address is private')
    expect(standIn.received).toEqual([])
  })

  test.each([
    '8.8.8.8',
    '93.184.215.14',
    '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
    '2a00:1450:4001:82a::200e',
  ])('%s is none', (address) => expect(isPublicAddress(address)).toBe(true))

  test('are not called by a name that leads to them', async () => {
    // As the system itself resolves it.
    const call = post(`https://localhost:${standIn.port}/`, { allowPrivate: false })
    expect(await reasonFor(call)).toBe('the name leads to a private address')
  })

  test('are not called when a name has public ones besides', async () => {
    const resolve = () =>
      Promise.resolve([
        { address: '8.8.8.8', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ])
    const call = post('https://hooks.example.org/', { allowPrivate: false, resolve })
    expect(await reasonFor(call)).toBe('the name leads to a private address')
  })

  test.each([true, false])(
    'what was checked is what is connected to: a name is asked once, whatever it would answer next (all: %s)',
    async (all) => {
      const answers = ['8.8.8.8', '127.0.0.1'].map((address) => ({ address, family: 4 }))
      const asked: string[] = []
      const lookup = publicLookup((hostname) => {
        asked.push(hostname)
        return Promise.resolve(answers.splice(0, 1))
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

  test('are called where that is configured', async () => {
    expect(await post(standIn.url)).toBe(204)
  })

  test('without TLS nothing is called unless private addresses are', async () => {
    expect(await reasonFor(post('http://8.8.8.8/', { allowPrivate: false }))).toBe('the address is not https')
  })
})

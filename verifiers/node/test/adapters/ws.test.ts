import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { acceptWebSockets } from '../../src/adapters/ws.ts'
import type { SocketGuard } from '../../src/socket-types.ts'
import type { Claims } from '../../src/token-types.ts'
import { FakeVerifier, noon, sid, someClaims } from './fake-verifier.ts'

let verifier: FakeVerifier
let server: Server
let webSocketServer: WebSocketServer
let guard: SocketGuard
let accepted: { socket: WebSocket; claims: Claims; url: string | undefined }[]
let errors: unknown[]
let opened: WebSocket[]

type Authenticate = (request: IncomingMessage) => Promise<Claims>

function accept(authenticate?: Authenticate): void {
  guard = acceptWebSockets({
    verifier,
    server,
    webSocketServer,
    onConnection(socket, claims, request: IncomingMessage) {
      accepted.push({ socket, claims, url: request.url })
      socket.on('message', (data: Buffer) => socket.send(`heard ${data.toString()}`))
    },
    ...(authenticate && { authenticate }),
    onError: (error) => errors.push(error),
  })
}

beforeEach(async () => {
  verifier = new FakeVerifier()
  verifier.tokens.set('good', someClaims())
  server = createServer()
  webSocketServer = new WebSocketServer({ noServer: true, path: '/ws' })
  accepted = []
  errors = []
  opened = []
  await once(server.listen(0, '127.0.0.1'), 'listening')
})

afterEach(async () => {
  for (const socket of [...opened, ...webSocketServer.clients]) socket.terminate()
  await server[Symbol.asyncDispose]()
})

const port = (): number => (server.address() as AddressInfo).port

function client(path = '/ws', headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port()}${path}`, { headers })
  // One that was refused reports it when it is put away; who awaits `open` hears of it all the same.
  socket.on('error', () => undefined)
  opened.push(socket)
  return socket
}

/** The bare request, for what no client would send. */
function upgradeTo(target: string, options: { allowHalfOpen?: boolean } = {}): Socket {
  const raw = connect({ port: port(), host: '127.0.0.1', ...options })
  raw.write(
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  )
  return raw
}

const bearer = (token: string): WebSocket => client('/ws', { authorization: `Bearer ${token}` })

async function refusal(socket: WebSocket): Promise<{ status: number; headers: object; body: unknown }> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const text = Buffer.concat(await response.toArray()).toString()
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

async function closed(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  return { code, reason: reason.toString() }
}

describe('an upgrade', () => {
  beforeEach(() => accept())

  test('an upgrade with a ticket is accepted and spends the ticket', async () => {
    verifier.tickets.set('t1', { claims: someClaims() })
    await once(client('/ws?room=4&ticket=t1'), 'open')
    expect(accepted).toMatchObject([{ claims: { user_id: 7 }, url: '/ws?room=4&ticket=t1' }])
    expect(guard.size).toBe(1)
    expect(await refusal(client('/ws?ticket=t1'))).toMatchObject({
      status: 410,
      headers: { connection: 'close' },
      body: { code: 'ticket_gone' },
    })
  })

  test('an upgrade is accepted only with a ticket bound to the origin of the page', async () => {
    verifier.tickets.set('t1', { claims: someClaims(), origin: 'https://chat.example' })
    verifier.tickets.set('t2', { claims: someClaims(), origin: 'https://chat.example' })
    await once(client('/ws?ticket=t1', { origin: 'https://chat.example' }), 'open')
    expect(await refusal(client('/ws?ticket=t2', { origin: 'https://evil.example' }))).toMatchObject({
      status: 403,
      body: { code: 'origin_mismatch' },
    })
  })

  test('an upgrade with an access token in the header is accepted', async () => {
    await once(bearer('good'), 'open')
    expect(accepted).toMatchObject([{ claims: { sid: sid(1) } }])
  })

  test.each([
    ['without anything', '/ws', {}, 401, 'authentication_required'],
    ['with an access token in the query', '/ws?token=good', {}, 401, 'authentication_required'],
    ['with an empty ticket', '/ws?ticket=', {}, 410, 'ticket_gone'],
    ['with two tickets', '/ws?ticket=a&ticket=b', {}, 410, 'ticket_gone'],
    ['with a forged token', '/ws', { authorization: 'Bearer forged' }, 401, 'invalid_access_token'],
    [
      'with a bad ticket beside a good token',
      '/ws?ticket=x',
      { authorization: 'Bearer good' },
      410,
      'ticket_gone',
    ],
  ])('an upgrade %s is refused before the handshake', async (_, path, headers, status, code) => {
    for (const ticket of ['a', 'b']) verifier.tickets.set(ticket, { claims: someClaims() })
    expect(await refusal(client(path, headers))).toMatchObject({ status, body: { code } })
    expect([accepted, guard.size, errors]).toEqual([[], 0, []])
  })

  test('an upgrade of an ended session is refused with the reason', async () => {
    verifier.end(sid(1), 'terminated')
    expect(await refusal(bearer('good'))).toMatchObject({
      status: 401,
      body: { code: 'session_ended', reason: 'terminated' },
    })
  })

  test('an upgrade gets 503 with Retry-After while the verifier is stale', async () => {
    verifier.goStale()
    expect(await refusal(bearer('good'))).toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
  })

  test('a refused upgrade leaves no half-open connection behind', async () => {
    const begun = once(server, 'upgrade')
    const raw = upgradeTo('/ws', { allowHalfOpen: true })
    const [, connection] = (await begun) as [unknown, Socket]
    await once(connection, 'close')
    raw.destroy()
  })

  test('an upgrade to an unknown path gets 404 if there is no other upgrade listener', async () => {
    expect(await refusal(client('/elsewhere'))).toMatchObject({ status: 404 })
  })

  test('an upgrade to a path of another listener is left to that listener', async () => {
    const other = new WebSocketServer({ noServer: true })
    server.on('upgrade', (request: IncomingMessage, connection, head) => {
      // Later than this adapter would have responded.
      setImmediate(() => {
        if (request.url === '/other') other.handleUpgrade(request, connection, head, () => undefined)
      })
    })
    await once(client('/other'), 'open')
    for (const socket of other.clients) socket.terminate()
    expect(accepted).toEqual([])
  })

  test.each(['//', '/ws?%', '/ws?ticket=%E0%A4%A', 'http://[::1', '*'])(
    'an upgrade with the odd target %j causes no fault',
    async (target) => {
      const answer = Buffer.concat(await upgradeTo(target).toArray()).toString()
      expect(answer).toMatch(/^HTTP\/1\.1 4(?:00|01|04|10) /)
      await once(bearer('good'), 'open')
    },
  )

  test('an upgrade whose client disconnects during the check causes no fault', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    verifier.pause = promise
    const begun = once(server, 'upgrade')
    const raw = upgradeTo('/ws?ticket=t1')
    const [, connection] = (await begun) as [unknown, Socket]
    const gone = new Promise((settled) => connection.once('close', settled))
    raw.resetAndDestroy()
    // True for a connection that broke: its `error` was heard by somebody, or this process would be gone.
    expect(await gone).toBe(true)
    resolve(undefined)
    verifier.pause = undefined
    await once(bearer('good'), 'open')
    expect(accepted).toHaveLength(1)
  })
})

describe('an open socket', () => {
  beforeEach(() => accept())

  test('a WebSocket closes with 4401 when its session ends; other sessions stay', async () => {
    verifier.tokens.set('other', someClaims({ sid: sid(2), user_id: 8 }))
    const [ending, staying] = [bearer('good'), bearer('other')]
    await Promise.all([once(ending, 'open'), once(staying, 'open')])
    const end = closed(ending)
    verifier.end(sid(1))
    expect(await end).toEqual({ code: 4401, reason: 'session ended' })
    const echo = once(staying, 'message')
    staying.send('still here')
    expect(String((await echo)[0])).toBe('heard still here')
    expect(guard.size).toBe(1)
  })

  test('a WebSocket closes with 4503 when the verifier becomes stale', async () => {
    const socket = bearer('good')
    await once(socket, 'open')
    const end = closed(socket)
    verifier.goStale()
    expect(await end).toEqual({ code: 4503, reason: 'try later' })
  })

  test('a WebSocket is released when the client closes it', async () => {
    const socket = bearer('good')
    await once(socket, 'open')
    const [{ socket: atServer }] = accepted as [(typeof accepted)[number]]
    const gone = once(atServer, 'close')
    socket.close()
    await gone
    expect(guard.size).toBe(0)
  })

  test('a WebSocket is renewed by a message of the application', async () => {
    const socket = bearer('good')
    await once(socket, 'open')
    verifier.tokens.set('newer', someClaims({ exp: noon + 1200, gen: 1 }))
    const [{ socket: atServer }] = accepted as [(typeof accepted)[number]]
    await expect(guard.renew(atServer, 'newer')).resolves.toMatchObject({ gen: 1 })
  })
})

describe('a session that ends during the handshake', () => {
  test('a session that ends during the handshake closes the socket before the application sees it', async () => {
    accept(() => {
      // After the check, and before the socket is there to be closed.
      verifier.end(sid(1))
      return Promise.resolve(someClaims())
    })
    const socket = client()
    expect(await closed(socket)).toEqual({ code: 4401, reason: 'session ended' })
    expect(accepted).toEqual([])
  })
})

describe('an authentication of the application', () => {
  test("the application's own authentication replaces ticket and header", async () => {
    accept((request) => verifier.verify(String(request.headers['x-session'])))
    await once(client('/ws', { 'x-session': 'good' }), 'open')
    expect(accepted).toMatchObject([{ claims: { user_id: 7 } }])
  })

  test('an authentication that throws gets 500 and is reported to onError', async () => {
    const fault = new Error('a bug')
    accept(() => Promise.reject(fault))
    expect(await refusal(client())).toMatchObject({ status: 500, body: undefined })
    expect(errors).toEqual([fault])
  })
})

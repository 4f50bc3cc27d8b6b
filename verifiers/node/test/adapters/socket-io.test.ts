import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { io as connect, type Socket as Client } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guarded, requireSession } from '../../src/adapters/socket-io.ts'
import type { Claims, SocketGuard } from '../../src/types.ts'
import { FakeVerifier, noon, sid, someClaims } from './fake-verifier.ts'

let verifier: FakeVerifier
let http: HttpServer
let io: Server
let guard: SocketGuard
let clients: Client[]

beforeEach(async () => {
  verifier = new FakeVerifier()
  verifier.tokens.set('good', someClaims())
  guard = verifier.guardSockets()
  http = createServer()
  io = new Server(http)
  io.use(requireSession(verifier, guard))
  io.on('connection', (socket) => {
    socket.on('echo', (text: string, answer: (text: string) => void) => answer(text))
  })
  clients = []
  await once(http.listen(0, '127.0.0.1'), 'listening')
})

afterEach(async () => {
  for (const client of clients) client.disconnect()
  await io.close()
})

const transports = [['websocket'], ['polling']]

function client(auth: object, namespace = '/', extra: object = {}): Client {
  const { port } = http.address() as AddressInfo
  const options = { auth, forceNew: true, reconnection: false, transports: ['websocket'], ...extra }
  const socket = connect(`http://127.0.0.1:${port}${namespace}`, options)
  clients.push(socket)
  return socket
}

/** The first call of an event's listeners, as `once` of `node:events` would answer it. */
const heard = (socket: Client, event: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(event, (...values: unknown[]) => resolve(values)))

async function connectError(socket: Client): Promise<unknown> {
  const [error] = (await heard(socket, 'connect_error')) as [Error & { data?: unknown }]
  return { message: error.message, data: error.data }
}

describe('a connection', () => {
  it('is admitted with an access token, whose claims it keeps', async () => {
    const admitted = once(io, 'connection')
    await heard(client({ token: 'good' }), 'connect')
    const [socket] = (await admitted) as [Socket<object, object, object, { claims: Claims }>]
    expect(socket.data.claims).toEqual(someClaims())
    expect(guard.size).toBe(1)
  })

  it('is admitted with a ticket, once', async () => {
    verifier.tickets.set('t1', { claims: someClaims() })
    await heard(client({ ticket: 't1' }), 'connect')
    expect(await connectError(client({ ticket: 't1' }))).toMatchObject({ message: 'ticket_gone' })
  })

  it('is held to the origin its ticket is bound to', async () => {
    verifier.tickets.set('t1', { claims: someClaims(), origin: 'https://chat.example' })
    verifier.tickets.set('t2', { claims: someClaims(), origin: 'https://chat.example' })
    const from = (origin: string): object => ({ extraHeaders: { origin } })
    await heard(client({ ticket: 't1' }, '/', from('https://chat.example')), 'connect')
    expect(await connectError(client({ ticket: 't2' }, '/', from('https://evil.example')))).toMatchObject({
      data: { code: 'origin_mismatch' },
    })
  })

  it.each([
    [{}, 'authentication_required'],
    [{ token: 'forged' }, 'invalid_access_token'],
    [{ token: null }, 'invalid_access_token'],
    [{ token: { toString: 'good' } }, 'invalid_access_token'],
    [{ ticket: null, token: 'good' }, 'ticket_gone'],
  ])('with auth %j is refused with %s', async (auth, code) => {
    expect(await connectError(client(auth))).toMatchObject({ message: code, data: { code } })
    expect(guard.size).toBe(0)
  })

  it('of an ended session is refused with the reason', async () => {
    verifier.end(sid(1), 'user_disabled')
    expect(await connectError(client({ token: 'good' }))).toMatchObject({
      data: { code: 'session_ended', reason: 'user_disabled' },
    })
  })

  it('is told to come back while the verifier is stale', async () => {
    verifier.goStale()
    expect(await connectError(client({ token: 'good' }))).toMatchObject({ data: { code: 'unavailable' } })
  })

  it('is told nothing of a fault of the verifier', async () => {
    verifier.verify = () => Promise.reject(new Error('details of a bug'))
    expect(await connectError(client({ token: 'good' }))).toEqual({
      message: 'internal_error',
      data: undefined,
    })
  })

  it('is refused where recovered sockets would go unchecked', async () => {
    const recovering = new Server({ connectionStateRecovery: {} })
    recovering.use(requireSession(verifier, guard))
    recovering.listen(0)
    const { port } = recovering.httpServer.address() as AddressInfo
    const socket = connect(`http://127.0.0.1:${port}`, { auth: { token: 'good' }, reconnection: false })
    clients.push(socket)
    expect(await connectError(socket)).toMatchObject({
      message: expect.stringContaining('skipMiddlewares') as string,
    })
    await recovering.close()
  })
})

describe.each(transports)('an open socket over %s', (transport) => {
  const open = async (token: string): Promise<Client> => {
    const socket = client({ token }, '/', { transports: [transport] })
    await heard(socket, 'connect')
    return socket
  }

  it('hears why it ends and is closed; that of another session stays', async () => {
    verifier.tokens.set('other', someClaims({ sid: sid(2), user_id: 8 }))
    const [ending, staying] = [await open('good'), await open('other')]
    const events: unknown[] = []
    ending.on('session_ended', (end: unknown) => events.push(end))
    const closed = heard(ending, 'disconnect')
    verifier.end(sid(1))
    await closed
    expect(events).toEqual([{ code: 4401, reason: 'session ended' }])
    expect(await staying.emitWithAck('echo', 'still here')).toBe('still here')
    expect([guard.size, io.sockets.sockets.size]).toEqual([1, 1])
  })

  it('hears 4503 when the verifier goes stale', async () => {
    const socket = await open('good')
    const end = heard(socket, 'session_ended')
    verifier.goStale()
    expect(await end).toEqual([{ code: 4503, reason: 'try later' }])
  })

  it('is forgotten when the client leaves', async () => {
    const admitted = once(io, 'connection')
    const socket = await open('good')
    const [atServer] = (await admitted) as [Socket]
    const gone = once(atServer, 'disconnect')
    socket.disconnect()
    await gone
    expect(guard.size).toBe(0)
  })
})

it('renews a socket with a newer token of its session', async () => {
  const admitted = once(io, 'connection')
  await heard(client({ token: 'good' }), 'connect')
  const [socket] = (await admitted) as [Socket]
  verifier.tokens.set('newer', someClaims({ exp: noon + 1200, gen: 1 }))
  await expect(guard.renew(guarded(socket), 'newer')).resolves.toMatchObject({ gen: 1 })
})

it('closes a socket whose session ends before another middleware lets it in', async () => {
  const connections: unknown[] = []
  io.use((_socket, next) => {
    verifier.end(sid(1))
    next()
  })
  io.on('connection', (socket) => connections.push(socket))
  const socket = client({ token: 'good' })
  await new Promise((resolve) => socket.io.once('close', resolve))
  expect([connections, guard.size]).toEqual([[], 0])
})

it('guards each namespace on its own: leaving one keeps the others', async () => {
  verifier.tokens.set('other', someClaims({ sid: sid(2) }))
  io.of('/rooms').use(requireSession(verifier, guard))
  const main = client({ token: 'good' }, '/', { forceNew: false })
  await heard(main, 'connect')
  const rooms = main.io.socket('/rooms', { auth: { token: 'other' } })
  const [[inRooms]] = (await Promise.all([once(io.of('/rooms'), 'connection'), heard(rooms, 'connect')])) as [
    [Socket],
    unknown,
  ]
  expect(guard.size).toBe(2)
  const listeners = inRooms.conn.listenerCount('close')
  const left = once(inRooms, 'disconnect')
  rooms.disconnect()
  await left
  expect([guard.size, inRooms.conn.listenerCount('close')]).toEqual([1, listeners - 1])
  expect(await main.emitWithAck('echo', 'still here')).toBe('still here')
})

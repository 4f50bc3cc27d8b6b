import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { io as connect, type Socket as Client } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { requireSession, type SocketIoSessions } from '../../src/adapters/socket-io.ts'
import type { Claims } from '../../src/token-types.ts'
import { FakeVerifier, noon, sid, someClaims } from './fake-verifier.ts'

let verifier: FakeVerifier
let http: HttpServer
let io: Server
let sessions: SocketIoSessions
let clients: Client[]

beforeEach(async () => {
  verifier = new FakeVerifier()
  verifier.tokens.set('good', someClaims())
  http = createServer()
  io = new Server(http)
  // Made before the guard.
  io.of('/before').on('connection', answerEcho)
  io.of(/^\/early-\d+$/).on('connection', answerEcho)
  sessions = requireSession(io, verifier)
  io.on('connection', answerEcho)
  clients = []
  await once(http.listen(0, '127.0.0.1'), 'listening')
})

afterEach(async () => {
  for (const client of clients) client.disconnect()
  await io.close()
})

const answerEcho = (socket: Socket): void => {
  socket.on('echo', (text: string, answer: (text: string) => void) => answer(text))
}

const transports = [['websocket'], ['polling']]

function client(auth: object, namespace = '/', extra: object = {}): Client {
  const { port } = http.address() as AddressInfo
  const options = { auth, forceNew: true, reconnection: false, transports: ['websocket'], ...extra }
  const socket = connect(`http://127.0.0.1:${port}${namespace}`, options)
  clients.push(socket)
  return socket
}

/** The first call of an event's listeners, as `once` of `node:events` would return it. */
const heard = (socket: Client, event: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(event, (...values: unknown[]) => resolve(values)))

async function connectError(socket: Client): Promise<unknown> {
  const [error] = (await heard(socket, 'connect_error')) as [Error & { data?: unknown }]
  return { message: error.message, data: error.data }
}

describe('a connection', () => {
  test('a Socket.IO connection with an access token is accepted and keeps its claims', async () => {
    const admitted = once(io, 'connection')
    await heard(client({ token: 'good' }), 'connect')
    const [socket] = (await admitted) as [Socket<object, object, object, { claims: Claims }>]
    expect(socket.data.claims).toEqual(someClaims())
    expect(sessions.size).toBe(1)
  })

  test('a Socket.IO connection with a ticket is accepted once', async () => {
    verifier.tickets.set('t1', { claims: someClaims() })
    await heard(client({ ticket: 't1' }), 'connect')
    expect(await connectError(client({ ticket: 't1' }))).toMatchObject({ message: 'ticket_gone' })
  })

  test('a Socket.IO connection from another origin than its ticket is refused', async () => {
    verifier.tickets.set('t1', { claims: someClaims(), origin: 'https://chat.example' })
    verifier.tickets.set('t2', { claims: someClaims(), origin: 'https://chat.example' })
    const from = (origin: string): object => ({ extraHeaders: { origin } })
    await heard(client({ ticket: 't1' }, '/', from('https://chat.example')), 'connect')
    expect(await connectError(client({ ticket: 't2' }, '/', from('https://evil.example')))).toMatchObject({
      data: { code: 'origin_mismatch' },
    })
  })

  test.each([
    [{}, 'authentication_required'],
    [{ token: 'forged' }, 'invalid_access_token'],
    [{ token: null }, 'invalid_access_token'],
    [{ token: { toString: 'good' } }, 'invalid_access_token'],
    [{ ticket: null, token: 'good' }, 'ticket_gone'],
  ])('a Socket.IO connection with auth %j is refused with %s', async (auth, code) => {
    expect(await connectError(client(auth))).toMatchObject({ message: code, data: { code } })
    expect(sessions.size).toBe(0)
  })

  test('a Socket.IO connection of an ended session is refused with the reason', async () => {
    verifier.end(sid(1), 'user_disabled')
    expect(await connectError(client({ token: 'good' }))).toMatchObject({
      data: { code: 'session_ended', reason: 'user_disabled' },
    })
  })

  test('a Socket.IO client gets unavailable while the verifier is stale', async () => {
    verifier.goStale()
    expect(await connectError(client({ token: 'good' }))).toMatchObject({ data: { code: 'unavailable' } })
  })

  test('a Socket.IO client learns nothing about an internal error of the verifier', async () => {
    verifier.verify = () => Promise.reject(new Error('details of a bug'))
    expect(await connectError(client({ token: 'good' }))).toEqual({
      message: 'internal_error',
      data: undefined,
    })
  })

  test('a Socket.IO server that recovers connections cannot be guarded', () => {
    for (const connectionStateRecovery of [{}, { skipMiddlewares: false }]) {
      const recovering = new Server({ connectionStateRecovery })
      expect(() => requireSession(recovering, verifier)).toThrow('Remove connectionStateRecovery')
    }
  })
})

describe.each(transports)('an open socket over %s', (transport) => {
  const open = async (token: string): Promise<Client> => {
    const socket = client({ token }, '/', { transports: [transport] })
    await heard(socket, 'connect')
    return socket
  }

  test(`a Socket.IO socket over ${transport} gets the reason and is closed; other sessions stay`, async () => {
    verifier.tokens.set('other', someClaims({ sid: sid(2), user_id: 8 }))
    const [ending, staying] = [await open('good'), await open('other')]
    const events: unknown[] = []
    ending.on('session_ended', (end: unknown) => events.push(end))
    const closed = heard(ending, 'disconnect')
    verifier.end(sid(1))
    await closed
    expect(events).toEqual([{ code: 4401, reason: 'session ended' }])
    expect(await staying.emitWithAck('echo', 'still here')).toBe('still here')
    expect([sessions.size, io.sockets.sockets.size]).toEqual([1, 1])
  })

  test(`a Socket.IO socket over ${transport} gets 4503 when the verifier becomes stale`, async () => {
    const socket = await open('good')
    const end = heard(socket, 'session_ended')
    verifier.goStale()
    expect(await end).toEqual([{ code: 4503, reason: 'try later' }])
  })

  test(`a Socket.IO socket over ${transport} is released when the client leaves`, async () => {
    const admitted = once(io, 'connection')
    const socket = await open('good')
    const [atServer] = (await admitted) as [Socket]
    const gone = once(atServer, 'disconnect')
    socket.disconnect()
    await gone
    expect(sessions.size).toBe(0)
  })
})

test('a Socket.IO socket is renewed with a newer token of its session', async () => {
  const admitted = once(io, 'connection')
  await heard(client({ token: 'good' }), 'connect')
  const [socket] = (await admitted) as [Socket]
  verifier.tokens.set('newer', someClaims({ exp: noon + 1200, gen: 1 }))
  await expect(sessions.renew(socket, 'newer')).resolves.toMatchObject({ gen: 1 })
})

test('a socket is closed if its session ends before the next middleware accepts it', async () => {
  const connections: unknown[] = []
  io.use((_socket, next) => {
    verifier.end(sid(1))
    next()
  })
  io.on('connection', (socket) => connections.push(socket))
  const socket = client({ token: 'good' })
  await new Promise((resolve) => socket.io.once('close', resolve))
  expect([connections, sessions.size]).toEqual([[], 0])
})

/** Every way to make a namespace, and a name that it serves. */
const namespaces: readonly [way: string, name: string, make: () => void][] = [
  ['made before the guard', '/before', () => undefined],
  ['of an expression made before the guard', '/early-7', () => undefined],
  ['made after the guard', '/admin', () => void io.of('/admin').on('connection', answerEcho)],
  ['made while clients are connected', '/later', () => void io.of('/later').on('connection', answerEcho)],
  ['of a regular expression', '/room-1', () => void io.of(/^\/room-\d+$/).on('connection', answerEcho)],
  [
    'of a function',
    '/any',
    () => void io.of((_name, _auth, next) => next(null, true)).on('connection', answerEcho),
  ],
  [
    'with middleware of its own',
    '/own',
    () =>
      void io
        .of('/own')
        .use((_socket, next) => next())
        .on('connection', answerEcho),
  ],
  [
    'made by name below an expression',
    '/child-1',
    () => {
      io.of(/^\/child-\d+$/).on('connection', answerEcho)
      io.of('/child-1')
    },
  ],
]

describe.each(namespaces)('a namespace %s', { tags: ['VERIFIER-3'] }, (way, name, make) => {
  test(`a Socket.IO namespace ${way} refuses a client without a token`, async () => {
    make()
    const connections: unknown[] = []
    io.of(name).on('connection', (socket) => connections.push(socket))
    const code = 'authentication_required'
    expect(await connectError(client({}, name))).toMatchObject({ data: { code } })
    expect([connections, sessions.size]).toEqual([[], 0])
  })

  test(`a Socket.IO namespace ${way} gets session_ended with all others`, async () => {
    make()
    const main = client({ token: 'good' }, '/', { forceNew: false })
    const here = main.io.socket(name, { auth: { token: 'good' } })
    clients.push(here)
    await Promise.all([heard(main, 'connect'), heard(here, 'connect')])
    expect(await here.emitWithAck('echo', 'hello')).toBe('hello')
    expect(sessions.size).toBe(1)
    const events: unknown[] = []
    const closed = [main, here].map((socket) => {
      socket.on('session_ended', (end: unknown) => events.push(end))
      return heard(socket, 'disconnect')
    })
    verifier.end(sid(1))
    await Promise.all(closed)
    const end = { code: 4401, reason: 'session ended' }
    expect(events).toEqual([end, end])
    expect(sessions.size).toBe(0)
    expect(await connectError(client({ token: 'good' }, name))).toMatchObject({
      data: { code: 'session_ended' },
    })
  })
})

test('a dynamic namespace that was emptied and is made again is guarded again', async () => {
  const cleaning = new Server({ cleanupEmptyChildNamespaces: true })
  requireSession(cleaning, verifier)
  cleaning.of(/^\/room-\d+$/).on('connection', answerEcho)
  const gone = new Promise<void>((resolve) => {
    cleaning.on('new_namespace', (namespace) => {
      namespace.on('connection', (socket: Socket) => socket.once('disconnect', () => resolve()))
    })
  })
  cleaning.listen(0)
  const { port } = cleaning.httpServer.address() as AddressInfo
  const join = (auth: object): Client => {
    const socket = connect(`http://127.0.0.1:${port}/room-1`, { auth, forceNew: true, reconnection: false })
    clients.push(socket)
    return socket
  }
  const first = join({ token: 'good' })
  await heard(first, 'connect')
  first.disconnect()
  await gone
  expect(await connectError(join({}))).toMatchObject({ message: 'authentication_required' })
  await cleaning.close()
})

test('a renewal counts for every namespace of a Socket.IO connection', { tags: ['VERIFIER-3'] }, async () => {
  io.of('/rooms').on('connection', answerEcho)
  const admitted = once(io, 'connection')
  const admittedInRooms = once(io.of('/rooms'), 'connection')
  const main = client({ token: 'good' }, '/', { forceNew: false })
  const rooms = main.io.socket('/rooms', { auth: { token: 'good' } })
  const [[socket], [inRooms]] = (await Promise.all([admitted, admittedInRooms])) as [[Socket], [Socket]]
  verifier.tokens.set('newer', someClaims({ exp: noon + 1200, gen: 1, roles: ['moderator'] }))
  await sessions.renew(inRooms, 'newer')
  for (const each of [socket, inRooms]) {
    expect(each.data).toMatchObject({ claims: { gen: 1, roles: ['moderator'] } })
  }
  verifier.outdate(sid(1), 0)
  expect(await main.emitWithAck('echo', 'still here')).toBe('still here')
  const ends = [main, rooms].map((each) => heard(each, 'session_ended'))
  verifier.outdate(sid(1), 1)
  const end = { code: 4408, reason: 'token outdated' }
  expect(await Promise.all(ends)).toEqual([[end], [end]])
})

test('sessions that share a Socket.IO connection end one by one', async () => {
  verifier.tokens.set('other', someClaims({ sid: sid(2), user_id: 8 }))
  io.of('/rooms').on('connection', answerEcho)
  const main = client({ token: 'good' }, '/', { forceNew: false })
  const rooms = main.io.socket('/rooms', { auth: { token: 'other' } })
  await Promise.all([heard(main, 'connect'), heard(rooms, 'connect')])
  expect(sessions.size).toBe(2)
  const ended = heard(main, 'disconnect')
  verifier.end(sid(1))
  await ended
  expect(await rooms.emitWithAck('echo', 'still here')).toBe('still here')
  const closed = new Promise((resolve) => rooms.io.once('close', resolve))
  verifier.end(sid(2))
  await closed
  expect([sessions.size, rooms.connected]).toEqual([0, false])
})

test('leaving one Socket.IO namespace keeps the others', async () => {
  verifier.tokens.set('other', someClaims({ sid: sid(2) }))
  const main = client({ token: 'good' }, '/', { forceNew: false })
  await heard(main, 'connect')
  const rooms = main.io.socket('/rooms', { auth: { token: 'other' } })
  const [[inRooms]] = (await Promise.all([once(io.of('/rooms'), 'connection'), heard(rooms, 'connect')])) as [
    [Socket],
    unknown,
  ]
  expect(sessions.size).toBe(2)
  const listeners = inRooms.conn.listenerCount('close')
  const left = once(inRooms, 'disconnect')
  rooms.disconnect()
  await left
  expect([sessions.size, inRooms.conn.listenerCount('close')]).toEqual([1, listeners - 1])
  expect(await main.emitWithAck('echo', 'still here')).toBe('still here')
})

import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createTargets } from '../src/growth/reach.ts'
import { Connection, openConnections } from '../src/http/connection.ts'
import { createWalk, LANES, SESSIONS } from '../src/refresh/walk.ts'

let server: Server | undefined
afterEach(() => server?.close())

/** A connection to somebody who reads nothing, and writes each piece when it was asked for. */
async function connected(): Promise<{ connection: Connection; peer: Socket; url: string }> {
  const listening = createServer().listen(0, '127.0.0.1')
  server = listening
  await once(listening, 'listening')
  const accepted = once(listening, 'connection') as Promise<[Socket]>
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
  const connection = await Connection.open(url)
  const [peer] = await accepted
  return { connection, peer: peer.setNoDelay(true).resume(), url }
}

/** Writes it and waits until the other side could read: bytes written to loopback are there immediately. */
async function written(peer: Socket, piece: string): Promise<void> {
  await new Promise<void>((resolve) => peer.write(piece, () => resolve()))
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

test('no lane meets a session of another, and each meets all of its own before one comes again', () => {
  const met = new Uint8Array(SESSIONS)
  const steps = SESSIONS / LANES.length
  const walks = LANES.map((lane) => createWalk(lane))
  for (const next of walks) {
    for (let step = 0; step < steps; step += 1) {
      const { session, generation } = next()
      met[session] = (met[session] ?? 0) + 1 + 100 * generation
    }
  }
  expect(met.every((times) => times === 1)).toBe(true)
  expect(walks.map((next) => next().generation)).toEqual(LANES.map(() => 1))
})

test('targets of the two halves differ, and each comes with how often it came before', () => {
  const halves = (['driver', 'http'] as const).map((half) => {
    const next = createTargets(10_000, half)
    return Array.from({ length: 20_000 }, (_, count) => next(count % 3 === 0 ? 'anywhere' : 'near'))
  })
  const [driver = [], http = []] = halves.map((targets) => new Set(targets.map(({ session }) => session)))
  expect(new Set([...driver, ...http]).size).toBe(new Set(driver).size + new Set(http).size)
  const times = new Map<number, number>()
  for (const { session, generation } of halves[0] ?? []) {
    expect(generation).toBe(times.get(session) ?? 0)
    times.set(session, generation + 1)
  }
})

test('a session just refreshed comes up again only after hundreds of others', () => {
  const next = createTargets(10_000, 'http')
  const lastMet = new Map<number, number>()
  const distances = Array.from({ length: 20_000 }, (_, count) => {
    const { session } = next('near')
    const distance = count - (lastMet.get(session) ?? -Infinity)
    lastMet.set(session, count)
    return distance
  })
  expect(Math.min(...distances)).toBeGreaterThan(500)
})

test('a response that arrives in pieces is complete with its last byte', async () => {
  const { connection, peer } = await connected()
  const response = 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nx: y\r\n\r\nhello world'
  let isComplete = false
  const exchanged = connection.exchange('GET / HTTP/1.1\r\n\r\n').finally(() => (isComplete = true))
  for (const piece of response.slice(0, -1)) await written(peer, piece)
  expect(isComplete).toBe(false)
  await written(peer, response.slice(-1))
  expect(await exchanged).toMatchObject({ status: 200, body: 'hello world' })
})

test('each response on a connection has its own status', async () => {
  const { connection, peer } = await connected()
  const first = connection.exchange('one')
  await written(peer, 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno')
  expect((await first).status).toBe(503)
  const second = connection.exchange('two')
  await written(peer, 'HTTP/1.1 204 No Content\r\n\r\n')
  expect((await second).status).toBe(204)
})

test('a closed connection fails its request and is replaced', async () => {
  const { connection, peer, url } = await connected()
  const status = connection.exchange('one')
  peer.end()
  await expect(status).rejects.toThrow('closed')
  await expect(connection.exchange('two')).rejects.toThrow('closed')
  const [replaced, ...others] = await openConnections(url, 1, [connection])
  expect(replaced?.isOpen).toBe(true)
  expect(others).toEqual([])
})

// Hostile clients that write raw bytes to a socket. Each reads the response until the server closes the connection.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { parseResponse, request } from './raw-exchange.ts'

const post = (headers: readonly string[], body: Buffer | string): Buffer =>
  request('POST /v1/sessions', ['Content-Type: application/json', ...headers], body)
const sized = (body: Buffer | string): string => `Content-Length: ${Buffer.byteLength(body)}`

/** As much as 16 KiB of gzip can hold. A larger body would be refused for its size, not for its encoding. */
const gzipBomb = gzipSync(Buffer.alloc(15 * 2 ** 20))
/** 200 MB in a few hundred bytes: unpacking several in parallel would show in the memory figures. */
const brotliBomb = brotliCompressSync(Buffer.alloc(200 * 2 ** 20), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 3 },
})
const deep = '['.repeat(16_000)

/** For each kind of request: the bytes it sends in one piece, and the status that refuses it. */
export const hostileRequests: Readonly<Record<string, { bytes: Buffer; status: number }>> = {
  'a bomb in gzip': { bytes: post(['Content-Encoding: gzip', sized(gzipBomb)], gzipBomb), status: 415 },
  'a bomb in Brotli': { bytes: post(['Content-Encoding: br', sized(brotliBomb)], brotliBomb), status: 415 },
  'a deep nest': { bytes: post([sized(deep)], deep), status: 400 },
  'a hundred megabytes, announced': { bytes: post([`Content-Length: ${100 * 2 ** 20}`], '{'), status: 413 },
  'a head without an end': {
    bytes: request('GET /health/live', [`Cookie: ${'x'.repeat(17_000)}`]),
    status: 431,
  },
  'another protocol': { bytes: Buffer.from('16030100a5010000a10303', 'hex'), status: 400 },
}

export const sendHostileRequest = async (url: string, { bytes }: { bytes: Buffer }): Promise<number> =>
  parseResponse(await receiveUntilClosed(url, (socket) => socket.write(bytes))).status

/** Sends the bytes and returns the status of the response, or 0 if the connection is closed without one. */
export async function statusOf(url: string, bytes: Buffer | string): Promise<number> {
  const received = await receiveUntilClosed(url, (socket) => socket.write(bytes))
  return Number(/^HTTP\/1\.1 (\d+) /.exec(received)?.[1] ?? 0)
}

function open(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  return socket
}

/** Everything the server sent before it closed or reset the connection. */
async function receiveUntilClosed(url: string, begin: (socket: Socket) => void): Promise<string> {
  const socket = open(url)
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => (received += text))
  socket.once('connect', () => begin(socket))
  await new Promise((resolve) => socket.once('close', resolve))
  return received
}

const DRIP_MS = 500

/** The bytes that slow clients send first, before they drip. */
export const slowBeginnings: Readonly<Record<string, string>> = {
  nothing: '',
  'a head': 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nX-Slow: ',
  'a body':
    'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"username":"',
}

/** Sends one byte every half second until the server closes the connection. Returns the status of the response. */
export async function sendSlowly(url: string, beginning: string): Promise<number> {
  let dripping: NodeJS.Timeout | undefined
  const received = await receiveUntilClosed(url, (socket) => {
    if (beginning === '') return
    socket.write(beginning)
    dripping = setInterval(() => socket.write('x'), DRIP_MS)
  })
  clearInterval(dripping)
  return parseResponse(received).status
}

const CHUNK = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`)

/** Sends an endless body at full speed. Returns the number of bytes that the server or the network accepted. */
export async function sendEndlessBody(url: string, most: number): Promise<number> {
  const socket = open(url)
  socket.resume()
  await once(socket, 'connect')
  socket.write(
    'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  let taken = 0
  while (!socket.destroyed && taken < most) {
    const isTaken = await new Promise<boolean>((resolve) => {
      socket.write(CHUNK, (error) => resolve(!error))
    })
    if (isTaken) taken += CHUNK.length
  }
  socket.destroy()
  return taken
}

/** Requests the largest response many times on one connection, and reads nothing. */
export async function requestWithoutReading(url: string, times: number): Promise<Socket> {
  const socket = open(url)
  await once(socket, 'connect')
  socket.pause()
  socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(times))
  return socket
}

/** Lets such a client read at last. Resolves when it sees that the server has closed the connection. */
export async function readUntilClosed(socket: Socket): Promise<void> {
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  if (!socket.closed) await gone
}

/** Sends good requests followed by rubbish on the same connection. Returns the status of each response. */
export async function pipelineRubbish(url: string, good: number): Promise<number[]> {
  const requests = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(good)
  const received = await receiveUntilClosed(url, (socket) =>
    socket.write(`${requests}\u0001 rubbish\r\n\r\n`),
  )
  return [...received.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => Number(status))
}

// Clients that mean harm, as bytes on a socket. Each tells what it was answered last, once the server has let go of it.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { parseAnswer, request } from './raw-exchange.ts'

const post = (headers: readonly string[], body: Buffer | string): Buffer =>
  request('POST /v1/sessions', ['Content-Type: application/json', ...headers], body)
const sized = (body: Buffer | string): string => `Content-Length: ${Buffer.byteLength(body)}`

/** As much as 16 KiB of gzip can hold. A larger body would be refused for its size, not for its encoding. */
const gzipBomb = gzipSync(Buffer.alloc(15 * 2 ** 20))
/** 200 MB in a few hundred bytes: to unpack a few of them at once is to be noticed. */
const brotliBomb = brotliCompressSync(Buffer.alloc(200 * 2 ** 20), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 3 },
})
const deep = '['.repeat(16_000)

/** By what it is: what it sends, at once, and the status that refuses it. */
export const rudeRequests: Readonly<Record<string, { bytes: Buffer; status: number }>> = {
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

export const sendRudely = async (url: string, { bytes }: { bytes: Buffer }): Promise<number> =>
  parseAnswer(await untilSentOff(url, (socket) => socket.write(bytes))).status

function open(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  return socket
}

/** What the server has said when it lets go of the connection, be it in order or by a reset. */
async function untilSentOff(url: string, begin: (socket: Socket) => void): Promise<string> {
  const socket = open(url)
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => (received += text))
  socket.once('connect', () => begin(socket))
  await new Promise((resolve) => socket.once('close', resolve))
  return received
}

const DRIP_MS = 500

/** What slow clients send first, before the drops. */
export const slowBeginnings: Readonly<Record<string, string>> = {
  nothing: '',
  'a head': 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nX-Slow: ',
  'a body':
    'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"username":"',
}

/** Half a second for each byte, for as long as the server bears it. Answers the status it was sent off with. */
export async function dripInto(url: string, beginning: string): Promise<number> {
  let dripping: NodeJS.Timeout | undefined
  const received = await untilSentOff(url, (socket) => {
    if (beginning === '') return
    socket.write(beginning)
    dripping = setInterval(() => socket.write('x'), DRIP_MS)
  })
  clearInterval(dripping)
  return parseAnswer(received).status
}

const CHUNK = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`)

/** A body that never ends, as fast as it is taken. Answers how many bytes were, by the server or on the way to it. */
export async function pourInto(url: string, most: number): Promise<number> {
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

/** Asks for the largest answer there is, again and again on one connection, and takes none. */
export async function askWithoutListening(url: string, times: number): Promise<Socket> {
  const socket = open(url)
  await once(socket, 'connect')
  socket.pause()
  socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(times))
  return socket
}

/** Such a client listens at last. Resolves when it finds that nobody is there any more. */
export async function findNobody(socket: Socket): Promise<void> {
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  if (!socket.closed) await gone
}

/** Good requests, and rubbish behind them on the same connection. Answers each status. */
export async function pipelineRubbish(url: string, good: number): Promise<number[]> {
  const requests = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(good)
  const received = await untilSentOff(url, (socket) => socket.write(`${requests}\u0001 rubbish\r\n\r\n`))
  return [...received.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => Number(status))
}

// HTTP/1.1 on a connection that is kept, for a load whose own cost is small.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  /** The status line and the header fields, as they came. */
  readonly head: string
  readonly body: string
}

const END_OF_HEAD = '\r\n\r\n'
const NO_BODY = new Set([204, 304])

/** The first answer in what a connection has received, and what came after it; undefined while it is not whole. */
export function readAnswer(received: string): { answer: Answer; rest: string } | undefined {
  const end = received.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = received.slice(0, end)
  const status = Number(head.slice(9, 12))
  const read = readBody(head, status, received, end + END_OF_HEAD.length)
  return read && { answer: { status, head, body: read.body }, rest: received.slice(read.end) }
}

function readBody(head: string, status: number, received: string, start: number) {
  if (NO_BODY.has(status)) return { body: '', end: start }
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length === undefined) return readChunks(received, start)
  const end = start + Number(length)
  return received.length < end ? undefined : { body: received.slice(start, end), end }
}

function readChunks(received: string, start: number) {
  let body = ''
  let at = start
  for (;;) {
    const endOfSize = received.indexOf('\r\n', at)
    if (endOfSize < 0) return undefined
    const size = Number.parseInt(received.slice(at, endOfSize), 16)
    const next = endOfSize + 2 + size + 2
    if (received.length < next) return undefined
    if (size === 0) return { body, end: next }
    body += received.slice(endOfSize + 2, endOfSize + 2 + size)
    at = next
  }
}

/** One request at a time. */
export class Connection {
  readonly #socket: Socket
  #received = ''
  #settle: ((answer: Answer) => void) | undefined
  #fail: ((error: Error) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (chunk: string) => this.#onData(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#fail?.(new Error('A server closed the connection under a request.')))
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  exchange(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#fail = undefined
    this.#socket.destroy()
  }

  #onData(chunk: string): void {
    this.#received += chunk
    const read = readAnswer(this.#received)
    if (read === undefined) return
    this.#received = read.rest
    this.#settle?.(read.answer)
  }
}

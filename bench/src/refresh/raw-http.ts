// HTTP/1.1 for a client that must cost next to nothing: a kept connection, one request at a time, and of an answer the
// status and its length.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'
const STATUS_AT = 'HTTP/1.1 '.length

interface Waiting {
  readonly settle: (status: number) => void
  readonly fail: (error: Error) => void
}

export class RawConnection {
  readonly #socket: Socket
  #waiting: Waiting | undefined
  #status = 0
  /** Bytes of the present answer that are still to come; undefined before its head was here. */
  #missing: number | undefined
  #head = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('close', () => this.#waiting?.fail(new Error('The service closed a connection.')))
    socket.on('error', (error) => this.#waiting?.fail(error))
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** Sends a whole request and answers the status when the whole answer is there. */
  exchange(request: string): Promise<number> {
    return new Promise((settle, fail) => {
      if (!this.isOpen) fail(new Error('The service has closed the connection.'))
      this.#waiting = { settle, fail }
      this.#socket.write(request, 'latin1')
    })
  }

  get isOpen(): boolean {
    return this.#socket.writable && this.#socket.readable
  }

  #read(chunk: Buffer): void {
    if (this.#missing === undefined) this.#readHead(chunk)
    else this.#missing -= chunk.length
    if (this.#missing !== 0) return
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#missing = undefined
    this.#head = ''
    waiting?.settle(this.#status)
  }

  #readHead(chunk: Buffer): void {
    this.#head += chunk.toString('latin1')
    const end = this.#head.indexOf(HEAD_END)
    if (end < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#head)?.[1] ?? '0'
    this.#status = Number(this.#head.slice(STATUS_AT, STATUS_AT + 3))
    this.#missing = Number(length) - (this.#head.length - end - HEAD_END.length)
  }
}

/** So many that are open: the service lets go of those that nobody used for a while. */
export async function openConnections(
  url: string,
  count: number,
  before: readonly RawConnection[],
): Promise<readonly RawConnection[]> {
  const open = before.filter(({ isOpen }) => isOpen)
  while (open.length < count) open.push(await RawConnection.open(url))
  return open
}

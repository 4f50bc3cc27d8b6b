// HTTP/1.1 over one kept connection, for loads that must take little of the processor from the server they measure.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { readResponse, type Response } from './response.ts'

interface Pending {
  readonly resolve: (response: Response) => void
  readonly reject: (error: Error) => void
}

/** One request at a time. */
export class Connection {
  /** Where it was opened to. */
  readonly url: string
  readonly #socket: Socket
  #received = ''
  #pending: Pending | undefined

  private constructor(url: string, socket: Socket) {
    this.url = url
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (text: string) => this.#onData(text))
    socket.on('error', (error) => this.#pending?.reject(error))
    socket.on('close', () =>
      this.#pending?.reject(new Error('The server closed a connection during a request.')),
    )
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new Connection(url, socket)
  }

  get isOpen(): boolean {
    return this.#socket.writable && this.#socket.readable
  }

  /** Sends a complete request and resolves to its complete response. Rejects when the connection closes first. */
  exchange(request: string): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) reject(new Error('The server has closed the connection.'))
      this.#pending = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#pending = undefined
    this.#socket.destroy()
  }

  #onData(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text
    const read = readResponse(this.#received)
    if (read === undefined) return
    this.#received = read.rest
    const pending = this.#pending
    this.#pending = undefined
    pending?.resolve(read.response)
  }
}

/** Keeps the open connections of `before` and opens more up to `count`: the server closes idle ones. */
export async function openConnections(
  url: string,
  count: number,
  before: readonly Connection[] = [],
): Promise<readonly Connection[]> {
  const open = before.filter(({ isOpen }) => isOpen)
  while (open.length < count) open.push(await Connection.open(url))
  return open
}

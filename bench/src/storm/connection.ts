// One keep-alive connection that costs next to nothing, so that who measures takes little of the machine away.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

interface Waiting {
  readonly settle: (answer: Answer) => void
  readonly fail: (error: Error) => void
}

const END_OF_HEAD = '\r\n\r\n'

/** A request in the one form that a connection sends. */
export function request(line: string, headers: readonly string[], body = ''): string {
  const given = body === '' ? [] : ['content-type: application/json', `content-length: ${body.length}`]
  return [`${line} HTTP/1.1`, 'host: localhost', ...headers, ...given, '', body].join('\r\n')
}

export class Connection {
  readonly #socket: Socket
  #received = ''
  #waiting: Waiting | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    // The answers are ASCII, so characters count as bytes do.
    socket.setEncoding('latin1').on('data', (text: string) => this.#onText(text))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#waiting?.fail(new Error('The service closed a connection.'))
    })
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  /** One at a time. */
  exchange(bytes: string): Promise<Answer> {
    return new Promise((settle, fail) => {
      this.#waiting = { settle, fail }
      this.#socket.write(bytes, 'latin1')
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #onText(text: string): void {
    this.#received += text
    const headEnds = this.#received.indexOf(END_OF_HEAD)
    if (headEnds < 0) return
    const head = this.#received.slice(0, headEnds)
    const bodyStarts = headEnds + END_OF_HEAD.length
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < bodyStarts + length) return
    const answer = { status: Number(head.slice(9, 12)), head, body: this.#received.slice(bodyStarts) }
    this.#received = ''
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.settle(answer)
  }
}

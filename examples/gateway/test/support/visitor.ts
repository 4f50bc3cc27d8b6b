// Somebody with an account and sockets, without a browser.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { TestClient, type TestUser, type Tokens } from '../../../../service/test/support/test-client.ts'
import type { Reply } from '../../src/messages.ts'
import type { DemoProcess } from './demo-process.ts'

export class Visitor {
  readonly #demo: DemoProcess
  readonly #client: TestClient
  tokens: Tokens

  private constructor(demo: DemoProcess, client: TestClient, tokens: Tokens) {
    this.#demo = demo
    this.#client = client
    this.tokens = tokens
  }

  /** Signs up, and in. */
  static async arrive(demo: DemoProcess): Promise<Visitor> {
    const client = new TestClient(demo.authUrl)
    const person: TestUser = await client.register()
    return new Visitor(demo, client, await client.signIn(person))
  }

  /** Asks for a ticket as a page of `origin` would. */
  async ticket(origin = this.#demo.url): Promise<string> {
    const { status, body } = await this.#client.request('POST', '/v1/tickets', {
      token: this.tokens.access_token,
      headers: { origin },
    })
    if (status !== 201) throw new Error(`no ticket: ${status}`)
    return (body as { ticket: string }).ticket
  }

  async refresh(): Promise<void> {
    this.tokens = (await this.#client.refresh(this.tokens.refresh_token)).body as Tokens
  }

  /** An accepted socket. */
  async enter(): Promise<RoomSocket> {
    const socket = new RoomSocket(this.knock(await this.ticket()))
    await socket.hears('welcome')
    return socket
  }

  /** A socket on its way. */
  knock(ticket: string, origin = this.#demo.url): WebSocket {
    const address = `${this.#demo.url.replace('http', 'ws')}/room?ticket=${encodeURIComponent(ticket)}`
    return new WebSocket(address, { origin })
  }

  /** The status an upgrade is refused with. */
  async refusalOf(ticket: string, origin?: string): Promise<number> {
    const socket = this.knock(ticket, origin)
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
    socket.on('error', () => undefined)
    response.destroy()
    return response.statusCode ?? 0
  }
}

/** A socket that keeps what it heard, for whoever asks later. */
export class RoomSocket {
  readonly closed: Promise<number>
  readonly #socket: WebSocket
  readonly #heard: Reply[] = []

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => this.#heard.push(JSON.parse(data.toString()) as Reply))
    this.closed = once(socket, 'close').then(([code]) => code as number)
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** Takes the first message of that type, now or when it arrives. */
  async hears<Type extends Reply['type']>(type: Type): Promise<Extract<Reply, { type: Type }>> {
    for (;;) {
      const at = this.#heard.findIndex((reply) => reply.type === type)
      const [reply] = at === -1 ? [] : this.#heard.splice(at, 1)
      if (reply !== undefined) return reply as Extract<Reply, { type: Type }>
      await once(this.#socket, 'message')
    }
  }

  close(): void {
    this.#socket.close()
  }
}

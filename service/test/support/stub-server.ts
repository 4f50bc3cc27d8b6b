// A local stub for an external server that receives events.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export class StubServer {
  /** Every call that was read to its end, in order of arrival. */
  readonly received: Received[] = []
  /** Responds to a call. The default is 204. */
  respond: (received: Received, response: ServerResponse) => void = (_, response) => {
    response.writeHead(204).end()
  }
  #server: Server
  #port = 0
  #waiting: (() => void)[] = []

  constructor() {
    this.#server = this.#create()
  }

  static async start(): Promise<StubServer> {
    const server = new StubServer()
    await server.up()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  /** Refuses connections from now on. */
  async down(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  /** Listens at the same address as before. */
  async up(): Promise<void> {
    this.#server = this.#create()
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Resolves after the next call. */
  called(): Promise<void> {
    return new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #create(): Server {
    return createServer((request, response) => {
      response.on('error', () => undefined)
      void this.#take(request, response).catch(() => undefined)
    })
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: await text(request),
    }
    this.received.push(received)
    this.respond(received, response)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Resolves when the condition holds. It is checked after every call to any of the servers. */
export async function untilCalled(servers: readonly StubServer[], holds: () => boolean): Promise<void> {
  while (!holds()) await Promise.race(servers.map((server) => server.called()))
}

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

interface Reply {
  readonly status: number
  readonly body: unknown
}

/** Rounds of the event loop without anything new, after which nothing is in flight. */
const QUIET_ROUNDS = 4

/** The auth service, and the network between it and the verifier: both do what a transcript says, and nothing else. */
export class TranscriptService {
  keys: Reply
  keyFetches = 0
  receiptsStatus = 204
  readonly receipts: unknown[] = []
  /** The next responses of introspection and of the redemption of tickets. */
  reply: Reply = { status: 500, body: {} }
  #replyMayGo = Promise.resolve()
  readonly calls: { readonly path: string; readonly body: unknown }[] = []
  readonly feedRequests: IncomingMessage[] = []
  url = ''
  #feed: ServerResponse | undefined
  #inFlight = 0
  readonly #clients = new Set<Socket>()
  readonly #accepted = new Map<number | undefined, Socket>()
  readonly #server = createServer((request, response) => void this.#handle(request, response))

  constructor(jwks: unknown) {
    this.keys = { status: 200, body: jwks }
    this.#server.keepAliveTimeout = 0
    this.#server.on('connection', (socket) => this.#accepted.set(socket.remotePort, socket))
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${this.#port}`
    subscribe('net.client.socket', this.#onClient)
  }

  async stop(): Promise<void> {
    unsubscribe('net.client.socket', this.#onClient)
    const stopped = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await stopped
  }

  /** Sends the head of the response to the last request for the feed, and ends it there unless the status is 200. */
  respond(status: number, contentType: string, contentEncoding: string | undefined): void {
    this.#feed?.writeHead(status, {
      'content-type': contentType,
      ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
    })
    if (status === 200) this.#feed?.flushHeaders()
    else this.#feed?.end()
  }

  send(bytes: Buffer): void {
    this.#feed?.write(bytes)
  }

  end(how: 'orderly' | 'cut'): void {
    if (how === 'orderly') this.#feed?.end()
    else this.#feed?.destroy()
  }

  /** Until the returned function is called, the calls that arrive get no response. They do not count as in flight. */
  holdReply(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#replyMayGo = promise
    return () => resolve(undefined)
  }

  /** Whether the verifier still holds its connection for the feed. */
  get isFeedOpen(): boolean {
    const port = this.feedRequests.at(-1)?.socket.remotePort
    return [...this.#clients].some((client) => !client.destroyed && client.localPort === port)
  }

  /** Resolves when every byte has arrived, in both directions, and the verifier has seen it. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#isInFlight()) quiet = -1
    }
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  readonly #onClient = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    this.#clients.add(socket)
    socket.once('connect', () => {
      // Another test of the same process may have made it.
      if (socket.remotePort !== this.#port) this.#clients.delete(socket)
    })
    socket.once('close', () => this.#clients.delete(socket))
  }

  #isInFlight(): boolean {
    if (this.#inFlight > 0) return true
    return [...this.#clients].some((client) => {
      if (client.destroyed) return false
      const accepted = this.#accepted.get(client.localPort)
      if (client.connecting || accepted === undefined) return true
      if (accepted.destroyed || accepted.writableEnded) return true
      return accepted.bytesRead < client.bytesWritten || client.bytesRead < accepted.bytesWritten
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    if (path === '/v1/revocations/stream') {
      this.feedRequests.push(request)
      this.#feed = response
      return
    }
    this.#inFlight += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body: unknown = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString())
    const { status, body: sent } = this.#replyTo(path, body)
    this.#inFlight -= 1
    await this.#replyMayGo
    this.#inFlight += 1
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(status === 204 ? undefined : JSON.stringify(sent))
    this.#inFlight -= 1
  }

  #replyTo(path: string, body: unknown): Reply {
    if (path === '/.well-known/jwks.json') {
      this.keyFetches += 1
      return this.keys
    }
    if (path === '/v1/receipts') {
      this.receipts.push((body as { items: unknown }).items)
      return { status: this.receiptsStatus, body: {} }
    }
    this.calls.push({ path, body })
    return this.reply
  }
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { makeKey, type SigningKey } from './tokens.ts'

export interface Row {
  readonly seq: number
  readonly sid: string
  readonly user_id: number
  readonly reason: string
  readonly up_to_generation?: number
  readonly expires_at: string
}

export interface Heard {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

type Answer = (heard: Heard, response: ServerResponse) => void

export const serviceKey = 'test-service-key-0123456789'

/** The auth service as a verifier sees it: the real wire, and everything that happens on it in the test's hands. */
export class StandInService {
  keys: SigningKey[] = [makeKey('key-1')]
  /** Epoch milliseconds. */
  now: () => number
  rows: Row[] = []
  seq = 0
  /** The lowest place from which a reader can be continued. */
  coveredFrom = 0
  readonly heard: Heard[] = []
  readonly streams = new Set<ServerResponse>()
  /** Overrides the response of a path. */
  readonly instead = new Map<string, Answer>()
  readonly tickets = new Map<string, { claims: unknown; origin?: string }>()
  /** Tokens that introspection calls inactive. */
  readonly inactive = new Set<string>()
  claimsByToken = new Map<string, object>()
  /** Says nothing more on its streams, and keeps them open. */
  isFrozen = false
  url = ''
  readonly #server = createServer((request, response) => void this.#handle(request, response))

  constructor(now: () => number) {
    this.now = now
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  async stop(): Promise<void> {
    const stopped = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await stopped
  }

  timesHeard(path: string): number {
    return this.heard.filter((one) => one.path === path).length
  }

  revoke(sid: string, { reason = 'terminated', userId = 7, forMs = 600_000 } = {}): Row {
    return this.#tell({ sid, user_id: userId, reason }, forMs)
  }

  /** Refuses the tokens of a session up to a generation; the session goes on. */
  outdate(sid: string, upToGeneration: number, { forMs = 600_000 } = {}): Row {
    const row = { sid, user_id: 7, reason: 'roles_changed', up_to_generation: upToGeneration }
    return this.#tell(row, forMs)
  }

  #tell(told: Omit<Row, 'seq' | 'expires_at'>, forMs: number): Row {
    this.seq += 1
    const row = { seq: this.seq, ...told, expires_at: new Date(this.now() + forMs).toISOString() }
    this.rows.push(row)
    this.send('revoked', row)
    return row
  }

  heartbeat(): void {
    this.send('heartbeat', { seq: this.seq, server_time: this.#time() })
  }

  send(event: string, data: unknown): void {
    const text = this.eventText(event, data)
    if (!this.isFrozen) for (const stream of this.streams) stream.write(text)
  }

  sendRaw(text: string): void {
    for (const stream of this.streams) stream.write(text)
  }

  eventText(event: string, data: unknown): string {
    const id = (data as { seq?: number }).seq ?? this.seq
    return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
  }

  /** Cuts every stream, without a word. */
  cut(): void {
    for (const stream of this.streams) stream.destroy()
    this.streams.clear()
  }

  endInOrder(retryMs: number): void {
    for (const stream of this.streams) stream.end(`retry: ${retryMs}\n\n`)
    this.streams.clear()
  }

  snapshot(): object {
    return { seq: this.seq, server_time: this.#time(), revocations: this.rows }
  }

  #time(): string {
    return new Date(this.now()).toISOString()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const path = request.url ?? ''
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const heard = { method: request.method ?? '', path, headers: request.headers, body }
    this.heard.push(heard)
    const isOpen = path === '/.well-known/jwks.json'
    const instead = this.instead.get(path)
    if (instead !== undefined) instead(heard, response)
    else if (!isOpen && request.headers.authorization !== `Bearer ${serviceKey}`) answer(response, 401, {})
    else (this.#answers[path] ?? ((_, unknown) => answer(unknown, 404, {})))(heard, response)
  }

  readonly #answers: Readonly<Record<string, Answer | undefined>> = {
    '/.well-known/jwks.json': (_, response) =>
      answer(response, 200, { keys: this.keys.map(({ jwk }) => jwk) }),
    '/v1/revocations/stream': (heard, response) => this.#openStream(heard, response),
    '/v1/receipts': (_, response) => response.writeHead(204).end(),
    '/v1/introspect': ({ body }, response) => {
      const { token } = body as { token: string }
      const claims = this.claimsByToken.get(token)
      const isActive = claims !== undefined && !this.inactive.has(token)
      answer(response, 200, isActive ? { active: true, token_type: 'Bearer', ...claims } : { active: false })
    },
    '/v1/tickets/redeem': ({ body }, response) => {
      const { ticket, origin } = body as { ticket: string; origin?: string }
      const found = this.tickets.get(ticket)
      this.tickets.delete(ticket)
      if (found === undefined) answer(response, 410, { code: 'ticket_gone' })
      else if (found.origin !== undefined && found.origin !== origin) {
        answer(response, 403, { code: 'origin_mismatch' })
      } else answer(response, 200, found.claims)
    },
  }

  #openStream({ headers }: Heard, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.on('close', () => this.streams.delete(response))
    response.write('retry: 1000\n\n')
    this.streams.add(response)
    if (this.isFrozen) return
    const after = Number(headers['last-event-id'] ?? NaN)
    if (after >= this.coveredFrom && after <= this.seq) {
      for (const row of this.rows.filter(({ seq }) => seq > after)) {
        response.write(this.eventText('revoked', row))
      }
    } else response.write(this.eventText('snapshot', this.snapshot()))
    response.write(this.eventText('heartbeat', { seq: this.seq, server_time: this.#time() }))
  }
}

export const answer: (response: ServerResponse, status: number, body: unknown) => void = (
  response,
  status,
  body,
) => {
  const isProblem = status >= 400
  response.writeHead(status, { 'content-type': `application/${isProblem ? 'problem+' : ''}json` })
  response.end(JSON.stringify(body))
}

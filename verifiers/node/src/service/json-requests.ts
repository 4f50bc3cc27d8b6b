import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from './clock.ts'

export interface JsonRequest {
  readonly method: 'GET' | 'POST'
  /** Relative to the service's address. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Left out: no credentials are sent. */
  readonly serviceKey?: string
  /** For the whole exchange, from looking the name up to the last byte. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

export interface JsonAnswer {
  readonly status: number
  /** Undefined when the answer is empty or not JSON. */
  readonly body: unknown
}

/** Asks; rejects when there is no whole answer in time. Any status is an answer, redirects too: none is followed. */
export type SendJson = (request: JsonRequest) => Promise<JsonAnswer>

export interface JsonRequests {
  readonly send: SendJson
  /** Gives up whatever is under way. */
  close(): void
}

/** Bounded requests to one service. Errors say where, never what was sent. */
export function createJsonRequests(base: URL, clock: Clock): JsonRequests {
  const isSecure = base.protocol === 'https:'
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const underWay = new Set<Exchange>()
  let isClosed = false

  const send: SendJson = async (request) => {
    const exchange = new Exchange(base, request, agent)
    if (isClosed) exchange.giveUp('closed')
    underWay.add(exchange)
    const { timeoutMs } = request
    const cancelTimer = clock.after(timeoutMs, () => exchange.giveUp(`no answer in time`))
    try {
      return await exchange.run()
    } catch (error) {
      throw new Error(`${request.method} ${new URL(request.path, base).href}: ${reasonOf(error)}`)
    } finally {
      cancelTimer()
      underWay.delete(exchange)
    }
  }

  return {
    send,
    close() {
      isClosed = true
      for (const exchange of underWay) exchange.giveUp('closed')
      agent.destroy()
    },
  }
}

/** A request with its answer; sent a second time when the kept connection turns out to be gone. */
class Exchange {
  readonly #base: URL
  readonly #request: JsonRequest
  readonly #agent: HttpAgent
  #sent: ClientRequest | undefined
  #isAnswered = false
  #givenUp: Error | undefined

  constructor(base: URL, request: JsonRequest, agent: HttpAgent) {
    this.#base = base
    this.#request = request
    this.#agent = agent
  }

  giveUp(why: string): void {
    this.#givenUp = new Error(why)
    this.#sent?.destroy(this.#givenUp)
  }

  async run(): Promise<JsonAnswer> {
    try {
      return await this.#once()
    } catch (error) {
      // The service had let the kept connection go while we were writing. Nothing we send does harm if sent twice.
      if (this.#sent?.reusedSocket === true && !this.#isAnswered && this.#givenUp === undefined) {
        return await this.#once()
      }
      throw this.#givenUp ?? error
    }
  }

  #once(): Promise<JsonAnswer> {
    if (this.#givenUp !== undefined) return Promise.reject(this.#givenUp)
    const { method, path, body, serviceKey, maxBytes } = this.#request
    return new Promise((resolve, reject) => {
      const sent = (this.#base.protocol === 'https:' ? httpsRequest : httpRequest)(
        new URL(path, this.#base),
        {
          method,
          agent: this.#agent,
          headers: {
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(serviceKey === undefined ? {} : { authorization: `Bearer ${serviceKey}` }),
          },
        },
      )
      this.#sent = sent
      sent.on('response', (response) => {
        this.#isAnswered = true
        read(response, maxBytes).then(resolve, reject)
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

function read(response: IncomingMessage, maxBytes: number): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) response.destroy(new Error(`the answer is longer than ${maxBytes} bytes`))
      else chunks.push(chunk)
    })
    response.on('error', reject)
    response.on('close', () => reject(new Error('the answer was cut off')))
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks)) }),
    )
  })
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

/** Node leaves the message empty when several addresses were tried. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : 'unknown failure'
}

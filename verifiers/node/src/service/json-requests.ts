import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '../clock.ts'

export interface JsonRequest {
  readonly method: 'GET' | 'POST'
  /** Relative to the base URL of the service. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Without it, no credentials are sent. */
  readonly serviceKey?: string
  /** For the whole exchange, from the DNS lookup to the last byte. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

export interface JsonResponse {
  readonly status: number
  /** Undefined if the response is empty or not JSON. */
  readonly body: unknown
}

/** Resolves with any status; redirects are not followed. Rejects if there is no complete response in time. */
export type SendJson = (request: JsonRequest) => Promise<JsonResponse>

export interface JsonRequests {
  readonly send: SendJson
  /** Aborts the requests in flight. */
  close(): void
}

/** Requests to one service, limited in time and size. Errors contain the URL, never what was sent. */
export function createJsonRequests(base: URL, clock: Clock): JsonRequests {
  const isSecure = base.protocol === 'https:'
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const inFlight = new Set<Exchange>()
  let isClosed = false

  const send: SendJson = async (request) => {
    const exchange = new Exchange(base, request, agent)
    if (isClosed) exchange.abort('closed')
    inFlight.add(exchange)
    const cancelTimer = clock.after(request.timeoutMs, () => exchange.abort('no response in time'))
    try {
      return await exchange.run()
    } catch (error) {
      throw new Error(`${request.method} ${new URL(request.path, base).href}: ${reasonOf(error)}`)
    } finally {
      cancelTimer()
      inFlight.delete(exchange)
    }
  }

  return {
    send,
    close() {
      isClosed = true
      for (const exchange of inFlight) exchange.abort('closed')
      agent.destroy()
    },
  }
}

/** One request and its response. Sends the request again if a kept-alive connection turns out to be closed. */
class Exchange {
  readonly #base: URL
  readonly #request: JsonRequest
  readonly #agent: HttpAgent
  #sent: ClientRequest | undefined
  #hasResponse = false
  #aborted: Error | undefined

  constructor(base: URL, request: JsonRequest, agent: HttpAgent) {
    this.#base = base
    this.#request = request
    this.#agent = agent
  }

  abort(reason: string): void {
    this.#aborted = new Error(reason)
    this.#sent?.destroy(this.#aborted)
  }

  async run(): Promise<JsonResponse> {
    try {
      return await this.#once()
    } catch (error) {
      // The service closed the kept-alive connection while the request was sent. All requests are safe to send twice.
      if (this.#sent?.reusedSocket === true && !this.#hasResponse && this.#aborted === undefined) {
        return await this.#once()
      }
      throw this.#aborted ?? error
    }
  }

  #once(): Promise<JsonResponse> {
    if (this.#aborted !== undefined) return Promise.reject(this.#aborted)
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
        this.#hasResponse = true
        read(response, maxBytes).then(resolve, reject)
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

function read(response: IncomingMessage, maxBytes: number): Promise<JsonResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) response.destroy(new Error(`the response is longer than ${maxBytes} bytes`))
      else chunks.push(chunk)
    })
    response.on('error', reject)
    response.on('close', () => reject(new Error('the response was cut off')))
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

/** The message of an error. Node leaves it empty if several addresses were tried, so their messages are joined. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : 'unknown failure'
}

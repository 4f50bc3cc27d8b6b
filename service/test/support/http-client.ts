import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

export interface HttpResponse {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: unknown
}

interface RequestOptions {
  readonly body?: object
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
}

/** A client with one persistent connection from its own address. All of 127.0.0.0/8 is this machine. */
export class HttpClient {
  readonly #url: string
  readonly #address: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(url: string, address = '127.0.0.1') {
    this.#url = url
    this.#address = address
  }

  /** Rejects if there is no response. It never retries. */
  async ask(
    method: string,
    path: string,
    { body, token, headers }: RequestOptions = {},
  ): Promise<HttpResponse> {
    const asking = request(this.#url + path, {
      method,
      agent: this.#agent,
      localAddress: this.#address,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
    })
    asking.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    const content = await text(response)
    const isJson = /json/.test(response.headers['content-type'] ?? '')
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: isJson ? JSON.parse(content) : content,
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

export interface HttpAnswer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: unknown
}

interface Asked {
  readonly body?: object
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
}

/** A client with one connection, which it keeps, from an address of its own: 127.0.0.2, for one, is this machine too. */
export class HttpClient {
  readonly #url: string
  readonly #address: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(url: string, address = '127.0.0.1') {
    this.#url = url
    this.#address = address
  }

  /** Rejects when there is no answer. Nothing is tried a second time. */
  async ask(method: string, path: string, { body, token, headers }: Asked = {}): Promise<HttpAnswer> {
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
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    const content = await text(answer)
    const isJson = /json/.test(answer.headers['content-type'] ?? '')
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body: isJson ? JSON.parse(content) : content,
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

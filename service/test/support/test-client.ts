import { setTimeout as delay } from 'node:timers/promises'
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { ApiContract } from './api-contract.ts'

export interface ApiResponse {
  readonly status: number
  readonly headers: Headers
  /** The parsed JSON, or the text of any other body; undefined if it is empty. */
  readonly body: unknown
}

export interface TestUser {
  readonly id: number
  readonly username: string
  readonly email: string
  readonly password: string
}

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly session: { readonly id: string }
}

const newAddress = (): string => `198.${randomInt(18, 20)}.${randomInt(256)}.${randomInt(256)}`

interface ClientOptions {
  /** Every response must match this contract. */
  readonly contract?: ApiContract
  /** The token of calls that do not pass one. */
  readonly token?: string
}

/** A client with its own address, so that rate limits treat each client separately. */
export class TestClient {
  readonly #url: string
  readonly #address: string
  readonly #options: ClientOptions

  constructor(url: string, address = newAddress(), options: ClientOptions = {}) {
    this.#url = url
    this.#address = address
    this.#options = options
  }

  async request(
    method: string,
    path: string,
    {
      body,
      token = this.#options.token,
      headers = {},
    }: { body?: unknown; token?: string | undefined; headers?: Record<string, string> } = {},
  ): Promise<ApiResponse> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        'x-forwarded-for': this.#address,
        // A form sets its own content type.
        ...(body !== undefined && !(body instanceof FormData) && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: isAsItIs(body) ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const parsed: unknown = text === '' ? undefined : isJson ? JSON.parse(text) : text
    const { status, headers: received } = response
    const seen = { status, contentType: received.get('content-type'), body: parsed }
    const objection = this.#options.contract?.objection(method, path, seen)
    if (objection !== undefined)
      throw new Error(`${method} ${path}: ${objection}; the response was ${status} ${text}`)
    return { status, headers: received, body: parsed }
  }

  get = (path: string, token?: string) => this.request('GET', path, { ...(token !== undefined && { token }) })
  post = (path: string, body?: unknown, token?: string) =>
    this.request('POST', path, { ...(body !== undefined && { body }), ...(token !== undefined && { token }) })
  put = (path: string, body: unknown, token?: string) =>
    this.request('PUT', path, { body, ...(token !== undefined && { token }) })
  putForm = (path: string, body: FormData, token: string) => this.request('PUT', path, { body, token })
  patch = (path: string, body: unknown, token?: string) =>
    this.request('PATCH', path, { body, ...(token !== undefined && { token }) })
  delete = (path: string, token?: string) =>
    this.request('DELETE', path, { ...(token !== undefined && { token }) })

  /** Registers a new user. */
  async register(wanted: Partial<TestUser> = {}): Promise<TestUser> {
    const person = newUser(wanted)
    const { username, email, password } = person
    const { status, body } = await patiently(() => this.post('/v1/users', { username, email, password }))
    if (status !== 201) throw new Error(`registration failed with ${status}: ${JSON.stringify(body)}`)
    return { ...person, id: (body as TestUser).id }
  }

  async signIn(person: TestUser, device: { device_id?: string; device_name?: string } = {}): Promise<Tokens> {
    const { username, password } = person
    const { status, body } = await patiently(() =>
      this.post('/v1/sessions', { username, password, ...device }),
    )
    if (status !== 201) throw new Error(`sign-in failed with ${status}: ${JSON.stringify(body)}`)
    return body as Tokens
  }

  refresh = (refreshToken: string) => this.post('/v1/sessions/refresh', { refresh_token: refreshToken })
}

/** Of a test's preparation: as every client should, it repeats what a busy machine could not do in time. */
async function patiently(request: () => Promise<ApiResponse>, attempts = 10): Promise<ApiResponse> {
  const response = await request()
  if (response.status !== 503 || attempts <= 1) return response
  await delay(Number(response.headers.get('retry-after')) * 1_000)
  return patiently(request, attempts - 1)
}

const isAsItIs = (body: unknown): body is string | FormData =>
  typeof body === 'string' || body instanceof FormData

/** A unique user, with a random name that does not look like any other. */
export function newUser(wanted: Partial<TestUser> = {}): TestUser {
  const username = `p${Array.from(randomBytes(14), (byte) => 'abcdefghjkpqrstu'[byte % 16]).join('')}`
  return { id: 0, username, email: `${username}@example.org`, password: `pw ${randomUUID()}`, ...wanted }
}

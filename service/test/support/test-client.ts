import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { ApiContract } from './api-contract.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON; the text otherwise, undefined when there is none. */
  readonly body: unknown
}

export interface Person {
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
  /** Every answer has to be as declared here. */
  readonly contract?: ApiContract
  /** Sent where a call names no other. */
  readonly token?: string
}

/** A person at a place of their own: each client has its own address, as far as limits can see. */
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
  ): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        'x-forwarded-for': this.#address,
        // A form says its own.
        ...(body !== undefined && !(body instanceof FormData) && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: isAsItIs(body) ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const parsed: unknown = text === '' ? undefined : isJson ? JSON.parse(text) : text
    const { status, headers: answered } = response
    const seen = { status, contentType: answered.get('content-type'), body: parsed }
    const objection = this.#options.contract?.objection(method, path, seen)
    if (objection !== undefined)
      throw new Error(`${method} ${path}: ${objection}; answered ${status} ${text}`)
    return { status, headers: answered, body: parsed }
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

  /** Signs somebody new up. */
  async register(wanted: Partial<Person> = {}): Promise<Person> {
    const person = newPerson(wanted)
    const { username, email, password } = person
    const { status, body } = await this.post('/v1/users', { username, email, password })
    if (status !== 201) throw new Error(`registration was answered ${status}: ${JSON.stringify(body)}`)
    return { ...person, id: (body as Person).id }
  }

  async signIn(person: Person, device: { device_id?: string; device_name?: string } = {}): Promise<Tokens> {
    const { username, password } = person
    const { status, body } = await this.post('/v1/sessions', { username, password, ...device })
    if (status !== 201) throw new Error(`sign-in was answered ${status}: ${JSON.stringify(body)}`)
    return body as Tokens
  }

  refresh = (refreshToken: string) => this.post('/v1/sessions/refresh', { refresh_token: refreshToken })
}

const isAsItIs = (body: unknown): body is string | FormData =>
  typeof body === 'string' || body instanceof FormData

/** Somebody nobody else is: letters that look like no other's. */
export function newPerson(wanted: Partial<Person> = {}): Person {
  const username = `p${Array.from(randomBytes(14), (byte) => 'abcdefghjkpqrstu'[byte % 16]).join('')}`
  return { id: 0, username, email: `${username}@example.org`, password: `pw ${randomUUID()}`, ...wanted }
}

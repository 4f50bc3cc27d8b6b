// The requests of each contender, and what its responses must contain: a server that fails is not a fast one.
import { request as requestOf } from '../http/request.ts'
import type { Response } from '../http/response.ts'

export interface BenchUser {
  readonly name: string
  readonly email: string
  readonly password: string
  /** One address per user, so that no limit by address applies. */
  readonly address: string
}

export interface Dialect {
  signUp(person: BenchUser): string
  isSignedUp(response: Response, person: BenchUser): boolean
  signIn(person: BenchUser): string
  /** The token or cookie the client keeps; undefined if the response holds no session of that user. */
  credential(response: Response, person: BenchUser): string | undefined
  whoIsThis(credential: string): string
  names(response: Response, person: BenchUser): boolean
  signOut(credential: string): string
  isSignedOut(response: Response): boolean
  /** Whether the response to "who am I" says: not signed in. */
  isNobody(response: Response): boolean
}

const request = (line: string, fields: readonly string[], body?: unknown): string =>
  requestOf(line, fields, body === undefined ? '' : JSON.stringify(body))

const field = (body: string, name: string): string | undefined =>
  (JSON.parse(body) as Record<string, string | undefined>)[name]

const from = ({ address }: BenchUser): string => `x-forwarded-for: ${address}`
const bearer = (token: string): string => `authorization: Bearer ${token}`

export const chatAuth: Dialect = {
  signUp: (person) => {
    const { name: username, email, password } = person
    return request('POST /v1/users', [from(person)], { username, email, password })
  },
  isSignedUp: ({ status }) => status === 201,
  signIn: (person) => {
    const { email: username, password } = person
    return request('POST /v1/sessions', [from(person)], { username, password })
  },
  credential: ({ status, body }) => (status === 201 ? field(body, 'access_token') : undefined),
  whoIsThis: (token) => request('GET /v1/users/me', [bearer(token)]),
  names: ({ status, body }, { email }) => status === 200 && body.includes(`"email":"${email}"`),
  signOut: (token) => request('DELETE /v1/sessions/current', [bearer(token)]),
  isSignedOut: ({ status }) => status === 204,
  isNobody: ({ status, body }) => status === 401 && field(body, 'code') === 'session_ended',
}

/** It asks of those who change something that they come from its own pages. */
const ownPage = (url: string): string => `origin: ${url}`
const cookies = ({ head }: Response): string =>
  [...head.matchAll(/^set-cookie: *([^;\r\n]+)/gim)].map(([, pair]) => pair).join('; ')

export const betterAuth = (url: string): Dialect => ({
  signUp: ({ name, email, password }) =>
    request('POST /api/auth/sign-up/email', [ownPage(url)], { name, email, password }),
  isSignedUp: ({ status, body }, { email }) => status === 200 && body.includes(`"email":"${email}"`),
  signIn: (person) => {
    const { email, password } = person
    return request('POST /api/auth/sign-in/email', [ownPage(url), from(person)], { email, password })
  },
  credential: (response, { email }) => {
    const isTheirs = response.status === 200 && response.body.includes(`"email":"${email}"`)
    const given = cookies(response)
    return isTheirs && given.includes('session_token=') ? given : undefined
  },
  whoIsThis: (cookie) => request('GET /api/auth/get-session', [`cookie: ${cookie}`]),
  names: ({ status, body }, { email }) => status === 200 && body.includes(`"email":"${email}"`),
  signOut: (cookie) => request('POST /api/auth/sign-out', [ownPage(url), `cookie: ${cookie}`]),
  isSignedOut: ({ status, body }) => status === 200 && body === '{"success":true}',
  isNobody: ({ status, body }) => status === 200 && body === 'null',
})

// How each contender is spoken to, and what its answers have to say. A server that errs is not a fast one.
import type { Answer } from './http.ts'

export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
  /** Each has their own, so that no limit by address is met. */
  readonly address: string
}

export interface Dialect {
  signUp(person: Person): string
  isSignedUp(answer: Answer, person: Person): boolean
  signIn(person: Person): string
  /** What the client keeps to show who it is; undefined when it was given no session of that person. */
  credential(answer: Answer, person: Person): string | undefined
  whoIsThis(credential: string): string
  names(answer: Answer, person: Person): boolean
  signOut(credential: string): string
  isSignedOut(answer: Answer): boolean
  /** To the question who that is: nobody who is signed in. */
  isNobody(answer: Answer): boolean
}

const HOST = '127.0.0.1'

const request = (line: string, fields: readonly string[], body?: unknown): string => {
  const head = [`${line} HTTP/1.1`, `host: ${HOST}`, ...fields]
  if (body === undefined) return [...head, '', ''].join('\r\n')
  const text = JSON.stringify(body)
  return [...head, 'content-type: application/json', `content-length: ${text.length}`, '', text].join('\r\n')
}

const field = (body: string, name: string): string | undefined =>
  (JSON.parse(body) as Record<string, string | undefined>)[name]

const from = ({ address }: Person): string => `x-forwarded-for: ${address}`
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
const cookies = ({ head }: Answer): string =>
  [...head.matchAll(/^set-cookie: *([^;\r\n]+)/gim)].map(([, pair]) => pair).join('; ')

export const betterAuth = (url: string): Dialect => ({
  signUp: ({ name, email, password }) =>
    request('POST /api/auth/sign-up/email', [ownPage(url)], { name, email, password }),
  isSignedUp: ({ status, body }, { email }) => status === 200 && body.includes(`"email":"${email}"`),
  signIn: (person) => {
    const { email, password } = person
    return request('POST /api/auth/sign-in/email', [ownPage(url), from(person)], { email, password })
  },
  credential: (answer, { email }) => {
    const isTheirs = answer.status === 200 && answer.body.includes(`"email":"${email}"`)
    const given = cookies(answer)
    return isTheirs && given.includes('session_token=') ? given : undefined
  },
  whoIsThis: (cookie) => request('GET /api/auth/get-session', [`cookie: ${cookie}`]),
  names: ({ status, body }, { email }) => status === 200 && body.includes(`"email":"${email}"`),
  signOut: (cookie) => request('POST /api/auth/sign-out', [ownPage(url), `cookie: ${cookie}`]),
  isSignedOut: ({ status, body }) => status === 200 && body === '{"success":true}',
  isNobody: ({ status, body }) => status === 200 && body === 'null',
})

// A process that acts for the users of services with databases of different sizes.
import { HmacRefreshTokens } from '../../../service/src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { serveParent } from '../child.ts'
import { ownerOf, sessionIdOf, SESSIONS_PER_PERSON } from '../refresh/bulk-sessions.ts'
import { Connection, openConnections } from '../http/connection.ts'
import { request } from '../http/request.ts'
import { closedLoop, type Slice } from '../refresh/slice.ts'
import { ASKING, createTargets, SIGNING_IN, type Target } from './reach.ts'

/** Parts of names that users search for: common ones, rare ones, and one without a match. */
const FRAGMENTS = ['ann', 'maria', 'smith', 'chen', 'er', 'quentinokafor', '9876', 'velvetb', 'qqqq', 'li.']

export type RequestKind = 'refresh' | 'signIn' | 'list' | 'search'

interface Service {
  readonly size: number
  readonly url: string
  readonly authSecret: string
  /** The usernames of the users who sign in. */
  readonly names: readonly string[]
  readonly password: string
}

interface Place extends Service {
  connections: readonly Connection[]
  readonly next: ReturnType<typeof createTargets>
  readonly refreshTokens: HmacRefreshTokens
  /** Of the users who list and search. */
  readonly accessTokens: readonly string[]
}

const places = new Map<number, Place>()

const post = (path: string, body: unknown): string => request(`POST ${path}`, [], JSON.stringify(body))
const get = (path: string, token: string): string =>
  request(`GET ${path}`, [`authorization: Bearer ${token}`])

const tokenOf = (refreshTokens: HmacRefreshTokens, { session, generation }: Target): string =>
  refreshTokens.issue({ userId: ownerOf(session), sessionId: sessionIdOf(session), generation })

/** Each kind of request, and the status its response must have. */
const requests: Record<RequestKind, { status: number; write: (place: Place, count: number) => string }> = {
  refresh: {
    status: 200,
    write: ({ refreshTokens, next }) =>
      post('/v1/sessions/refresh', { refresh_token: tokenOf(refreshTokens, next('near')) }),
  },
  signIn: {
    status: 201,
    write: ({ names, password }, count) =>
      post('/v1/sessions', { username: names[count % SIGNING_IN], password }),
  },
  list: {
    status: 200,
    write: ({ accessTokens }, count) => get('/v1/sessions', accessTokens[count % ASKING] ?? ''),
  },
  search: {
    status: 200,
    write: ({ accessTokens }, count) =>
      get(`/v1/users?username=${FRAGMENTS[count % FRAGMENTS.length]}`, accessTokens[count % ASKING] ?? ''),
  },
}

/** An access token of the first session of each user who lists and searches. */
async function accessTokensOf(url: string, refreshTokens: HmacRefreshTokens): Promise<string[]> {
  const tokens: string[] = []
  const connection = await Connection.open(url)
  for (let person = SIGNING_IN; person < SIGNING_IN + ASKING; person += 1) {
    const target = { session: person * SESSIONS_PER_PERSON, generation: 0 }
    const body = { refresh_token: tokenOf(refreshTokens, target) }
    const response = await connection.exchange(post('/v1/sessions/refresh', body))
    tokens.push((JSON.parse(response.body) as { access_token: string }).access_token)
  }
  connection.close()
  return tokens
}

let done = 0

async function exchange(place: Place, kind: RequestKind, worker: number): Promise<void> {
  const { status, write } = requests[kind]
  const response = await place.connections[worker]?.exchange(write(place, done++))
  if (response?.status !== status) throw new Error(`The response to ${kind} was ${response?.status ?? ''}.`)
}

const handlers = {
  use: async (service: Service): Promise<void> => {
    const refreshTokens = new HmacRefreshTokens({ current: service.authSecret, previous: [] })
    const accessTokens = await accessTokensOf(service.url, refreshTokens)
    const next = createTargets(service.size, 'http')
    places.set(service.size, { ...service, connections: [], next, refreshTokens, accessTokens })
  },

  measure: async (asked: {
    size: number
    kind: RequestKind
    atOnce: number
    forMs: number
  }): Promise<Slice> => {
    const place = places.get(asked.size)
    if (place === undefined) throw new Error(`There is no service with ${asked.size} sessions.`)
    place.connections = await openConnections(place.url, asked.atOnce, place.connections)
    return closedLoop(asked.atOnce, asked.forMs, (worker) => exchange(place, asked.kind, worker))
  },
}

export type GrowthClient = typeof handlers

serveParent(handlers)

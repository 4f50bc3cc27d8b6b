// A process with the people of services whose databases have different sizes.
import { HmacRefreshTokens } from '../../../service/src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { answerParent } from '../child.ts'
import { ownerOf, sessionIdOf, SESSIONS_PER_PERSON } from '../refresh/bulk-sessions.ts'
import { openConnections, type RawConnection } from '../refresh/raw-http.ts'
import { closedLoop, type Slice } from '../refresh/slice.ts'
import { ASKING, createTargets, SIGNING_IN, type Target } from './reach.ts'

/** Parts of names as people search for: common ones, rare ones, and one that nobody has. */
const FRAGMENTS = ['ann', 'maria', 'smith', 'chen', 'er', 'quentinokafor', '9876', 'velvetb', 'qqqq', 'li.']

export type Doing = 'refresh' | 'signIn' | 'list' | 'search'

interface Service {
  readonly size: number
  readonly url: string
  readonly authSecret: string
  /** Of those who sign in. */
  readonly names: readonly string[]
  readonly password: string
}

interface Place extends Service {
  connections: readonly RawConnection[]
  readonly next: ReturnType<typeof createTargets>
  readonly refreshTokens: HmacRefreshTokens
  /** Of those who ask. */
  readonly accessTokens: readonly string[]
}

const places = new Map<number, Place>()

const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
  `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

const get = (path: string, token: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`

const tokenOf = (refreshTokens: HmacRefreshTokens, { session, generation }: Target): string =>
  refreshTokens.seal({ userId: ownerOf(session), sessionId: sessionIdOf(session), generation })

/** What each does by turns: the request, and the status of its answer. */
const requests: Record<Doing, { status: number; write: (place: Place, count: number) => string }> = {
  refresh: {
    status: 200,
    write: ({ refreshTokens, next }) =>
      post('/v1/sessions/refresh', JSON.stringify({ refresh_token: tokenOf(refreshTokens, next('near')) })),
  },
  signIn: {
    status: 201,
    write: ({ names, password }, count) =>
      post('/v1/sessions', JSON.stringify({ username: names[count % SIGNING_IN], password })),
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

/** An access token of the first session of each who asks. */
async function accessTokensOf(url: string, refreshTokens: HmacRefreshTokens): Promise<string[]> {
  const tokens: string[] = []
  for (let person = SIGNING_IN; person < SIGNING_IN + ASKING; person += 1) {
    const target = { session: person * SESSIONS_PER_PERSON, generation: 0 }
    const response = await fetch(`${url}/v1/sessions/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token: tokenOf(refreshTokens, target) }),
    })
    tokens.push(((await response.json()) as { access_token: string }).access_token)
  }
  return tokens
}

let done = 0

async function exchange(place: Place, doing: Doing, worker: number): Promise<void> {
  const { status, write } = requests[doing]
  const answered = await place.connections[worker]?.exchange(write(place, done++))
  if (answered !== status) throw new Error(`${doing} was answered ${answered ?? ''}.`)
}

const answers = {
  use: async (service: Service): Promise<void> => {
    const refreshTokens = new HmacRefreshTokens({ current: service.authSecret, previous: [] })
    const accessTokens = await accessTokensOf(service.url, refreshTokens)
    const next = createTargets(service.size, 'http')
    places.set(service.size, { ...service, connections: [], next, refreshTokens, accessTokens })
  },

  measure: async (asked: { size: number; doing: Doing; atOnce: number; forMs: number }): Promise<Slice> => {
    const place = places.get(asked.size)
    if (place === undefined) throw new Error(`There is no service with ${asked.size} sessions.`)
    place.connections = await openConnections(place.url, asked.atOnce, place.connections)
    return closedLoop(asked.atOnce, asked.forMs, (worker) => exchange(place, asked.doing, worker))
  },
}

export type GrowthClient = typeof answers

answerParent(answers)

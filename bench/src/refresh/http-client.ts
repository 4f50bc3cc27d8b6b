// A process that refreshes through HTTP, with the tokens of sessions that were made in bulk.
import { HmacRefreshTokens } from '../../../service/src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { serveParent } from '../child.ts'
import { ownerOf, sessionIdOf } from './bulk-sessions.ts'
import { openConnections, type Connection } from '../http/connection.ts'
import { request } from '../http/request.ts'
import { closedLoop, type Slice } from './slice.ts'
import { createWalk } from './walk.ts'

const FIRST_STOCK = 2_000

interface Service {
  /** Of its instances. */
  readonly urls: readonly string[]
  readonly authSecret: string
}

interface Load {
  readonly atOnce: number
  readonly instances: number
  readonly forMs: number
}

const next = createWalk('http')
/** The connections to each instance, open until the end. */
const connections: (readonly Connection[])[] = []
/** The tokens are issued in advance, so that only the service works with tokens during a measurement. */
let stock: string[] = []
let used = 0
let mostInSlice = FIRST_STOCK
let service: Service | undefined
let refreshTokens: HmacRefreshTokens | undefined

function nextRequest(): string {
  const { session, generation } = next()
  const content = { userId: ownerOf(session), sessionId: sessionIdOf(session), generation }
  const body = `{"refresh_token":"${refreshTokens?.issue(content) ?? ''}"}`
  return request('POST /v1/sessions/refresh', [], body)
}

async function refresh(connection: Connection | undefined): Promise<void> {
  const response = await connection?.exchange(stock[used++] ?? nextRequest())
  if (response?.status !== 200) throw new Error(`The response to a refresh was ${response?.status ?? ''}.`)
}

const handlers = {
  use: (given: Service): void => {
    service = given
    refreshTokens = new HmacRefreshTokens({ current: given.authSecret, previous: [] })
  },

  /** Refreshes over `atOnce` connections, spread evenly over the instances. */
  measure: async ({ atOnce, instances, forMs }: Load): Promise<Slice> => {
    for (const [number, url] of (service?.urls ?? []).slice(0, instances).entries())
      connections[number] = await openConnections(url, atOnce / instances, connections[number] ?? [])
    const inUse = connections.slice(0, instances).flatMap((all) => all.slice(0, atOnce / instances))
    stock = stock.slice(used)
    used = 0
    while (stock.length < 2 * mostInSlice) stock.push(nextRequest())
    const slice = await closedLoop(atOnce, forMs, (number) => refresh(inUse[number]))
    mostInSlice = Math.max(mostInSlice, slice.count)
    return slice
  },
}

export type HttpClientProcess = typeof handlers

serveParent(handlers)

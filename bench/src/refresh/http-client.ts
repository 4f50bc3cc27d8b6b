// A process that refreshes through HTTP, with the tokens of sessions that were made in bulk.
import { HmacRefreshTokens } from '../../../service/src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { answerParent } from '../child.ts'
import { ownerOf, sessionIdOf } from './bulk-sessions.ts'
import { openConnections, type RawConnection } from './raw-http.ts'
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
/** One list for each instance, all open until the end. */
const connections: (readonly RawConnection[])[] = []
/** Made before they are needed, so that while it is measured only the service works with tokens. */
let stock: string[] = []
let used = 0
let mostInSlice = FIRST_STOCK
let service: Service | undefined
let refreshTokens: HmacRefreshTokens | undefined

function nextRequest(): string {
  const { session, generation } = next()
  const content = { userId: ownerOf(session), sessionId: sessionIdOf(session), generation }
  const body = `{"refresh_token":"${refreshTokens?.seal(content) ?? ''}"}`
  return (
    `POST /v1/sessions/refresh HTTP/1.1\r\nhost: ${new URL(service?.urls[0] ?? '').host}\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  )
}

async function refresh(connection: RawConnection | undefined): Promise<void> {
  const status = await connection?.exchange(stock[used++] ?? nextRequest())
  if (status !== 200) throw new Error(`A refresh was answered ${status ?? ''}.`)
}

const answers = {
  use: (given: Service): void => {
    service = given
    refreshTokens = new HmacRefreshTokens({ current: given.authSecret, previous: [] })
  },

  /** Through so many connections at once, in equal parts to so many instances. */
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

export type HttpClientProcess = typeof answers

answerParent(answers)

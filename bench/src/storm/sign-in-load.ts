// A process of clients that all sign in at the same time, over and over.
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { serveParent } from '../child.ts'
import { Connection } from '../http/connection.ts'
import { request } from '../http/request.ts'

// It stands for clients on other machines. Their work is not the service's, so it runs at the lowest priority.
setPriority(0, 19)

export interface SignInLoad {
  readonly url: string
  readonly password: string
  /** They are `p1@example.org` and so on. */
  readonly people: number
}

interface SignIns {
  readonly perSecond: number
  /** 503 responses per second. */
  readonly refusedPerSecond: number
}

let load: SignInLoad = { url: '', password: '', people: 0 }
let connections: Connection[] = []
let next = 0
let isOver = false
let signedIn = 0
let refused = 0
let storm: Promise<unknown> = Promise.resolve()

function nextRequest(): string {
  next = (next % load.people) + 1
  const body = JSON.stringify({ username: `p${next}@example.org`, password: load.password })
  return request('POST /v1/sessions', [`x-forwarded-for: 10.${next >> 8}.${next & 255}.1`], body)
}

async function signInAgainAndAgain(connection: Connection): Promise<void> {
  while (!isOver) {
    const { status, head, body } = await connection.exchange(nextRequest())
    if (status === 201) signedIn += 1
    else if (status !== 503) throw new Error(`The response to a sign-in was ${status}: ${body}`)
    else {
      refused += 1
      const seconds = Number(/\r\nretry-after: (\d+)/i.exec(head)?.[1] ?? 1)
      // Spread out, so that they do not come back at the same moment.
      await delay(1_000 * seconds * (1 + Math.random()))
    }
  }
}

const handlers = {
  gather: (given: SignInLoad): void => void (load = given),

  begin: async (atOnce: number): Promise<void> => {
    isOver = false
    connections = await Promise.all(Array.from({ length: atOnce }, () => Connection.open(load.url)))
    storm = Promise.all(connections.map(signInAgainAndAgain))
    // The caller that awaits it sees a failure; until then it must not count as unhandled.
    storm.catch(() => undefined)
  },

  /** Counts sign-ins for that many seconds. */
  count: async (seconds: number): Promise<SignIns> => {
    const [before, refusedBefore, from] = [signedIn, refused, performance.now()]
    await Promise.race([delay(seconds * 1_000), storm])
    const took = (performance.now() - from) / 1_000
    return { perSecond: (signedIn - before) / took, refusedPerSecond: (refused - refusedBefore) / took }
  },

  end: async (): Promise<void> => {
    isOver = true
    await storm
    for (const connection of connections) connection.close()
  },
}

export type SignInLoadProcess = typeof handlers

serveParent(handlers)

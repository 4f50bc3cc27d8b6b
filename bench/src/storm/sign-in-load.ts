// A process of people who want to sign in, all at once, and again when they have.
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { answerParent } from '../child.ts'
import { Connection, request } from './connection.ts'

// It stands for people on other machines, whose work is not the service's, so it gives way to everything else on this one.
setPriority(0, 19)

export interface Crowd {
  readonly url: string
  readonly password: string
  /** They are `p1@example.org` and so on. */
  readonly people: number
}

interface SignIns {
  readonly perSecond: number
  /** Told to come back later, as often as that for each that got in. */
  readonly refusedPerSecond: number
}

let crowd: Crowd = { url: '', password: '', people: 0 }
let connections: Connection[] = []
let next = 0
let isOver = false
let signedIn = 0
let refused = 0
let storm: Promise<unknown> = Promise.resolve()

function nextRequest(): string {
  next = (next % crowd.people) + 1
  const body = JSON.stringify({ username: `p${next}@example.org`, password: crowd.password })
  return request('POST /v1/sessions', [`x-forwarded-for: 10.${next >> 8}.${next & 255}.1`], body)
}

async function signInAgainAndAgain(connection: Connection): Promise<void> {
  while (!isOver) {
    const { status, head, body } = await connection.exchange(nextRequest())
    if (status === 201) signedIn += 1
    else if (status !== 503) throw new Error(`A sign-in was answered ${status}: ${body}`)
    else {
      refused += 1
      const seconds = Number(/\r\nretry-after: (\d+)/i.exec(head)?.[1] ?? 1)
      // Nobody has just the same patience.
      await delay(1_000 * seconds * (1 + Math.random()))
    }
  }
}

const answers = {
  gather: (given: Crowd): void => void (crowd = given),

  begin: async (atOnce: number): Promise<void> => {
    isOver = false
    connections = await Promise.all(Array.from({ length: atOnce }, () => Connection.open(crowd.url)))
    storm = Promise.all(connections.map(signInAgainAndAgain))
    // Who awaits it hears of a failure; until then it is no unhandled one.
    storm.catch(() => undefined)
  },

  /** Sign-ins in so many seconds of what was begun. */
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

export type CrowdProcess = typeof answers

answerParent(answers)

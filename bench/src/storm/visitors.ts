// A process of people who are signed in already. They come when they want to, whether the service is quick or not: the
// time of each request runs from the moment it was due.
import { setTimeout as delay } from 'node:timers/promises'
import { answerParent } from '../child.ts'
import { Connection, request, type Answer } from './connection.ts'
import { moments } from './schedule.ts'

export interface Visitor {
  readonly accessToken: string
  readonly refreshToken: string
}

export interface Visit {
  readonly perSecond: number
  readonly seconds: number
}

/** Milliseconds of each request. */
export interface Times {
  /** From when it was due. */
  readonly sinceDue: number[]
  /** From when it was sent, which is up to a millisecond later: timers know no less. */
  readonly sinceSent: number[]
  /** Told to come back later. */
  refused: number
}

let free: Connection[] = []
const visitors: { accessToken: string; refreshToken: string }[] = []
let url = ''

async function exchange(bytes: string): Promise<Answer> {
  // The service closes those that nobody has used for long.
  const connection = free.find(({ isOpen }) => isOpen) ?? (await Connection.open(url))
  free = free.filter((other) => other.isOpen && other !== connection)
  const answer = await connection.exchange(bytes)
  free.push(connection)
  if (answer.status !== 200 && answer.status !== 503)
    throw new Error(`A visitor was answered ${answer.status}: ${answer.body}`)
  return answer
}

async function refresh(): Promise<Answer> {
  const visitor = visitors.shift()
  if (visitor === undefined) throw new Error('All visitors wait for an answer.')
  const body = JSON.stringify({ refresh_token: visitor.refreshToken })
  const answer = await exchange(request('POST /v1/sessions/refresh', [], body))
  // Who was refused keeps the token.
  const refreshToken = /"refresh_token":"([^"]+)"/.exec(answer.body)?.[1] ?? visitor.refreshToken
  visitors.push({ accessToken: visitor.accessToken, refreshToken })
  return answer
}

function readUser(): Promise<Answer> {
  const { accessToken = '' } = visitors[0] ?? {}
  return exchange(request('GET /v1/users/me', [`authorization: Bearer ${accessToken}`]))
}

async function atMoments({ perSecond, seconds }: Visit, work: () => Promise<Answer>): Promise<Times> {
  const times: Times = { sinceDue: [], sinceSent: [], refused: 0 }
  const underWay: Promise<void>[] = []
  const from = performance.now()
  for (const due of moments(perSecond, from, from + seconds * 1_000)) {
    const early = due - performance.now()
    if (early > 0) await delay(early)
    const sent = performance.now()
    underWay.push(
      work().then(({ status }) => {
        const now = performance.now()
        if (status === 503) times.refused += 1
        times.sinceDue.push(now - due)
        times.sinceSent.push(now - sent)
      }),
    )
  }
  await Promise.all(underWay)
  return times
}

const answers = {
  arrive: async (wanted: { url: string; visitors: readonly Visitor[] }): Promise<void> => {
    url = wanted.url
    visitors.push(...wanted.visitors)
    free.push(...(await Promise.all(Array.from({ length: 20 }, () => Connection.open(url)))))
  },
  visit: async (visit: Visit): Promise<{ refresh: Times; user: Times }> => {
    const [refreshes, users] = await Promise.all([atMoments(visit, refresh), atMoments(visit, readUser)])
    return { refresh: refreshes, user: users }
  },
}

export type VisitorProcess = typeof answers

answerParent(answers)

// A process of signed-in clients. They send requests at fixed moments, whether the service is fast or not: the
// time of each request runs from the moment it was due.
import { setTimeout as delay } from 'node:timers/promises'
import { serveParent } from '../child.ts'
import { Connection } from '../http/connection.ts'
import { request } from '../http/request.ts'
import type { Response } from '../http/response.ts'
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
  /** From when it was sent, up to a millisecond later: timers have a resolution of one. */
  readonly sinceSent: number[]
  /** 503 responses. */
  refused: number
}

let free: Connection[] = []
const visitors: { accessToken: string; refreshToken: string }[] = []
let url = ''

async function exchange(bytes: string): Promise<Response> {
  // The service closes idle connections.
  const connection = free.find(({ isOpen }) => isOpen) ?? (await Connection.open(url))
  free = free.filter((other) => other.isOpen && other !== connection)
  const response = await connection.exchange(bytes)
  free.push(connection)
  if (response.status !== 200 && response.status !== 503)
    throw new Error(`A visitor got ${response.status}: ${response.body}`)
  return response
}

async function refresh(): Promise<Response> {
  const visitor = visitors.shift()
  if (visitor === undefined) throw new Error('All visitors are waiting for a response.')
  const body = JSON.stringify({ refresh_token: visitor.refreshToken })
  const response = await exchange(request('POST /v1/sessions/refresh', [], body))
  // A refused visitor keeps its token.
  const refreshToken = /"refresh_token":"([^"]+)"/.exec(response.body)?.[1] ?? visitor.refreshToken
  visitors.push({ accessToken: visitor.accessToken, refreshToken })
  return response
}

function readUser(): Promise<Response> {
  const { accessToken = '' } = visitors[0] ?? {}
  return exchange(request('GET /v1/users/me', [`authorization: Bearer ${accessToken}`]))
}

async function atMoments({ perSecond, seconds }: Visit, work: () => Promise<Response>): Promise<Times> {
  const times: Times = { sinceDue: [], sinceSent: [], refused: 0 }
  const inFlight: Promise<void>[] = []
  const from = performance.now()
  for (const due of moments(perSecond, from, from + seconds * 1_000)) {
    const early = due - performance.now()
    if (early > 0) await delay(early)
    const sent = performance.now()
    inFlight.push(
      work().then(({ status }) => {
        const now = performance.now()
        if (status === 503) times.refused += 1
        times.sinceDue.push(now - due)
        times.sinceSent.push(now - sent)
      }),
    )
  }
  await Promise.all(inFlight)
  return times
}

const handlers = {
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

export type VisitorProcess = typeof handlers

serveParent(handlers)

import { TestClient, type TestUser } from '../../../service/test/support/test-client.ts'
import { Connection } from '../http/connection.ts'
import { request } from '../http/request.ts'
import type { Response } from '../http/response.ts'

const PEOPLE = 20
const REFRESHING = 16
const SIGNING_IN = 200

export interface People {
  /** Of sessions that were not refreshed yet. */
  readonly refreshTokens: readonly string[]
  readonly signingIn: readonly TestUser[]
}

const isOverloaded = ({ status }: Response): boolean => status === 503

async function again(
  connection: Connection,
  seconds: number,
  next: (last: Response | undefined) => string,
): Promise<void> {
  const until = performance.now() + seconds * 1_000
  let last: Response | undefined
  while (performance.now() < until) {
    last = await connection.exchange(next(last))
    if (last.status >= 400 && !isOverloaded(last))
      throw new Error(`The load got ${last.status}: ${last.body}`)
  }
  connection.close()
}

const refreshTokenIn = (body: string): string => /"refresh_token":"([^"]+)"/.exec(body)?.[1] ?? ''

/** Signs up the users of the loads; not part of any load. */
export async function gatherPeople(url: string): Promise<People> {
  const refreshTokens: string[] = []
  for (let number = 0; number < REFRESHING; number += 1) {
    const client = new TestClient(url)
    const tokens = await client.signIn(await client.register())
    refreshTokens.push(tokens.refresh_token)
  }
  const signingIn: TestUser[] = []
  for (let number = 0; number < PEOPLE; number += 1) signingIn.push(await new TestClient(url).register())
  return { refreshTokens, signingIn }
}

/** Each connection refreshes a session of its own, over and over. */
export async function refreshAllTheTime(
  url: string,
  { refreshTokens }: People,
  seconds: number,
): Promise<void> {
  const refreshing = refreshTokens.map(async (first) => {
    const nextRequest = (last: Response | undefined): string => {
      const token = last === undefined ? first : refreshTokenIn(last.body)
      return request('POST /v1/sessions/refresh', [], JSON.stringify({ refresh_token: token }))
    }
    await again(await Connection.open(url), seconds, nextRequest)
  })
  await Promise.all(refreshing)
}

/** More parallel sign-ins than the queue holds, from clients that ignore Retry-After and repeat immediately. */
export async function signInAllTheTime(
  url: string,
  { signingIn: people }: People,
  seconds: number,
): Promise<void> {
  const signingIn = Array.from({ length: SIGNING_IN }, async (_, place) => {
    const { username = '', password = '' } = people[place % PEOPLE] ?? {}
    const from = `x-forwarded-for: 10.9.${place}.1`
    // One device each, so that a sign-in replaces its own session and no list grows.
    const body = JSON.stringify({ username, password, device_id: `device-${place}` })
    await again(await Connection.open(url), seconds, () => request('POST /v1/sessions', [from], body))
  })
  await Promise.all(signingIn)
}

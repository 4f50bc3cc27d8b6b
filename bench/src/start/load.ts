import { TestClient, type Person } from '../../../service/test/support/test-client.ts'
import { Connection, request, type Answer } from '../storm/connection.ts'

const PEOPLE = 20
const REFRESHING = 16
const SIGNING_IN = 200

export interface People {
  /** Of sessions that nobody has refreshed yet. */
  readonly refreshTokens: readonly string[]
  readonly signingIn: readonly Person[]
}

const isOverloaded = ({ status }: Answer): boolean => status === 503

async function again(
  connection: Connection,
  seconds: number,
  next: (last: Answer | undefined) => string,
): Promise<void> {
  const until = performance.now() + seconds * 1_000
  let last: Answer | undefined
  while (performance.now() < until) {
    last = await connection.exchange(next(last))
    if (last.status >= 400 && !isOverloaded(last))
      throw new Error(`The load was answered ${last.status}: ${last.body}`)
  }
  connection.close()
}

const refreshTokenIn = (body: string): string => /"refresh_token":"([^"]+)"/.exec(body)?.[1] ?? ''

/** Signs up the people that the loads are made of: that is no part of any load. */
export async function gatherPeople(url: string): Promise<People> {
  const refreshTokens: string[] = []
  for (let number = 0; number < REFRESHING; number += 1) {
    const client = new TestClient(url)
    const tokens = await client.signIn(await client.register())
    refreshTokens.push(tokens.refresh_token)
  }
  const signingIn: Person[] = []
  for (let number = 0; number < PEOPLE; number += 1) signingIn.push(await new TestClient(url).register())
  return { refreshTokens, signingIn }
}

/** Each refreshes a session of its own, as often as it is answered. */
export async function refreshAllTheTime(
  url: string,
  { refreshTokens }: People,
  seconds: number,
): Promise<void> {
  const refreshing = refreshTokens.map(async (first) => {
    const nextRequest = (last: Answer | undefined): string => {
      const token = last === undefined ? first : refreshTokenIn(last.body)
      return request('POST /v1/sessions/refresh', [], JSON.stringify({ refresh_token: token }))
    }
    await again(await Connection.open(url), seconds, nextRequest)
  })
  await Promise.all(refreshing)
}

/** More people at once than there is room for, and impatient ones: who is refused comes back at once. */
export async function signInAllTheTime(
  url: string,
  { signingIn: people }: People,
  seconds: number,
): Promise<void> {
  const signingIn = Array.from({ length: SIGNING_IN }, async (_, place) => {
    const { username = '', password = '' } = people[place % PEOPLE] ?? {}
    const from = `x-forwarded-for: 10.9.${place}.1`
    // A device each, so that no session makes another one's place and nobody's list of them grows.
    const body = JSON.stringify({ username, password, device_id: `device-${place}` })
    await again(await Connection.open(url), seconds, () => request('POST /v1/sessions', [from], body))
  })
  await Promise.all(signingIn)
}

// A process that signs users in and out over HTTP, at the rate its parent sets.
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { TestClient } from '../../../service/test/support/test-client.ts'
import { sharedNow } from './clock.ts'
import type { Session } from './readers.ts'

/** Below the limit of live sessions per user. */
const SESSIONS_PER_PERSON = 40

export async function signIn(url: string, count: number): Promise<Session[]> {
  const sessions: Session[] = []
  while (sessions.length < count) {
    const client = new TestClient(url)
    const person = await client.register()
    const wanted = Math.min(SESSIONS_PER_PERSON, count - sessions.length)
    for (let index = 0; index < wanted; index += 1) {
      const { access_token: token, session } = await client.signIn(person)
      sessions.push({ sid: session.id, token })
    }
  }
  return sessions
}

export interface Ended {
  readonly sentAt: number
  /** When the head of the 204 was here. */
  readonly respondedAt: number
}

const agent = new Agent({ keepAlive: true })

export async function signOut(url: string, { token }: Session): Promise<Ended> {
  const outgoing = request(`${url}/v1/sessions/current`, {
    method: 'DELETE',
    agent,
    headers: { authorization: `Bearer ${token}` },
  })
  const sentAt = sharedNow()
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const respondedAt = sharedNow()
  response.resume()
  if (response.statusCode !== 204)
    throw new Error(`The response to a sign-out was ${response.statusCode ?? ''}.`)
  await once(response, 'end')
  return { sentAt, respondedAt }
}

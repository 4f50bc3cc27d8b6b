// People who sign in and out over HTTP, as fast as they are told to.
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { TestClient } from '../../../service/test/support/test-client.ts'
import { sharedNow } from './clock.ts'
import type { Session } from './readers.ts'

/** Below what one person may have. */
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
  readonly answeredAt: number
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
  const answeredAt = sharedNow()
  response.resume()
  if (response.statusCode !== 204) throw new Error(`Signing out was answered ${response.statusCode ?? ''}.`)
  await once(response, 'end')
  return { sentAt, answeredAt }
}

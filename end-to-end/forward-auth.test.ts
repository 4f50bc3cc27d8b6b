// nginx with deploy/forward-auth/nginx.conf, in front of a service that knows nothing of tokens.
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { firstSecret, testServiceKeys } from '../service/test/support/service-keys.ts'
import { runNginx } from '../service/test/support/nginx.ts'
import { steadyPorts } from '../service/test/support/steady-ports.ts'
import { TestClient, type TestUser, type Tokens } from '../service/test/support/test-client.ts'
import type { TestService } from '../service/test/support/test-service.ts'
import { startPair } from './instance-pair.ts'

const configuration = readFileSync(new URL('../deploy/forward-auth/nginx.conf', import.meta.url), 'utf8')

let pair: Awaited<ReturnType<typeof startPair>>
let first: TestService
let second: TestService
let person: TestUser
let servicePort: number
/** The requests that reached the service behind nginx. */
const received: IncomingMessage[] = []
const behind = createServer((request, response) => {
  received.push(request)
  request.resume().on('end', () => response.writeHead(request.url === '/broken' ? 500 : 200).end('hello'))
})

beforeAll(async () => {
  pair = await startPair()
  ;[first, second] = pair.instances
  person = await first.client().register()
  await new Promise<void>((listening) => behind.listen(0, '127.0.0.1', listening))
  servicePort = (behind.address() as AddressInfo).port
})
afterAll(async () => {
  behind.close()
  await pair.stop()
})

/** A client of nginx, which asks the instance with this internal URL. */
async function clientOf(internalUrl: string, secret = firstSecret(testServiceKeys)): Promise<TestClient> {
  const [port = 0] = await steadyPorts(1)
  const files = {
    'nginx.conf': configuration
      .replace('listen 8080;', `listen 127.0.0.1:${port};`)
      .replace('127.0.0.1:8010', new URL(internalUrl).host)
      .replace('127.0.0.1:3000', `127.0.0.1:${servicePort}`),
    'service-key.conf': `proxy_set_header X-Service-Key "${secret}";`,
  }
  const nginx = await runNginx(files, `http://127.0.0.1:${port}`)
  onTestFinished(() => nginx.stop())
  return new TestClient(nginx.url)
}
const signIn = (): Promise<Tokens> => first.client().signIn(person)

describe('forward authentication by nginx', () => {
  test('the service behind nginx learns who the user is, whatever the client claims', async () => {
    const client = await clientOf(first.internalUrl)
    const { access_token: token, session } = await signIn()
    const headers = {
      'x-user-id': '1',
      // Servers for WSGI and CGI take it for the same header.
      x_user_id: '1',
      'x-roles': 'admin',
      'x-session-id': 'x',
      'x-service-key': 'x',
    }
    const sent = { body: { text: 'x'.repeat(10_000) }, token, headers }
    expect(await client.request('POST', '/messages?to=1', sent)).toMatchObject({ status: 200, body: 'hello' })
    const { method, url, headers: seen } = received.at(-1) as IncomingMessage
    expect([method, url]).toEqual(['POST', '/messages?to=1'])
    expect(seen).toMatchObject({ 'x-user-id': String(person.id), 'x-session-id': session.id })
    expect([seen['x-roles'], seen['x_user_id']]).toEqual([undefined, undefined])
    expect(JSON.stringify(seen)).not.toContain(firstSecret(testServiceKeys))
  })

  test('an ended session is refused by the very next request', { tags: ['FEED-5'] }, async () => {
    const client = await clientOf(first.internalUrl)
    for (let round = 0; round < 10; round += 1) {
      const { access_token: token } = await signIn()
      expect((await client.get('/', token)).status).toBe(200)
      await first.client().delete('/v1/sessions/current', token)
      const { length } = received
      const refused = await client.get('/', token)
      expect([refused.status, refused.body]).toMatchObject([401, { code: 'session_ended' }])
      expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
      expect(received).toHaveLength(length)
    }
  })

  test('nginx at another instance refuses an ended session when the feed arrives there', async () => {
    const client = await clientOf(second.internalUrl)
    const { access_token: token } = await signIn()
    expect((await client.get('/', token)).status).toBe(200)
    await first.client().delete('/v1/sessions/current', token)
    await vi.waitFor(async () => expect((await client.get('/', token)).status).toBe(401), { timeout: 30_000 })
  })

  test('a request without a token, or with a wrong one, gets 401 with a challenge', async () => {
    const client = await clientOf(first.internalUrl)
    const none = await client.get('/')
    expect([none.status, none.body]).toMatchObject([401, { code: 'authentication_required' }])
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="chat-auth"')
    const wrong = await client.get('/', 'x')
    expect([wrong.status, wrong.body]).toMatchObject([401, { code: 'invalid_access_token' }])
    expect(wrong.headers.get('content-type')).toBe('application/problem+json')
  })

  test('no user is signed out because the service key is wrong or the service is down', async () => {
    const { access_token: token } = await signIn()
    const [nobody = 0] = await steadyPorts(1)
    for (const client of [
      await clientOf(first.internalUrl, 'a wrong key'),
      await clientOf(`http://127.0.0.1:${nobody}`),
    ]) {
      const { status, headers, body } = await client.get('/', token)
      expect([status, body]).toMatchObject([503, { code: 'unavailable' }])
      expect(headers.get('retry-after')).toBe('2')
    }
  })

  test('an error of the service behind nginx stays its own', async () => {
    const client = await clientOf(first.internalUrl)
    const { access_token: token } = await signIn()
    expect(await client.get('/broken', token)).toMatchObject({ status: 500, body: 'hello' })
  })
})

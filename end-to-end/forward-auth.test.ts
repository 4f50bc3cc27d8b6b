// The proxies with the configurations of deploy/forward-auth, in front of a service that knows nothing of tokens.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { firstSecret, testServiceKeys } from '../service/test/support/service-keys.ts'
import { steadyPorts } from '../service/test/support/steady-ports.ts'
import { TestClient, type TestUser, type Tokens } from '../service/test/support/test-client.ts'
import type { TestService } from '../service/test/support/test-service.ts'
import { proxies } from './forward-proxies.ts'
import { startPair } from './instance-pair.ts'

let pair: Awaited<ReturnType<typeof startPair>>
let first: TestService
let second: TestService
let person: TestUser
let servicePort: number
/** The requests that reached the service behind the proxy. */
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

type Proxy = keyof typeof proxies

/** A client of the proxy, which asks the instance with this internal URL. */
async function clientOf(
  proxy: Proxy,
  internalUrl: string,
  serviceKey = firstSecret(testServiceKeys),
): Promise<{ readonly client: TestClient; readonly stop: () => Promise<void> }> {
  const around = { chatAuth: new URL(internalUrl).host, service: `127.0.0.1:${servicePort}`, serviceKey }
  const { url, stop } = await proxies[proxy](around)
  return { client: new TestClient(url), stop }
}

const signIn = (): Promise<Tokens> => first.client().signIn(person)

describe.each(Object.keys(proxies) as Proxy[])('forward authentication by %s', (proxy) => {
  let client: TestClient
  let stop: () => Promise<void>
  beforeAll(async () => ({ client, stop } = await clientOf(proxy, first.internalUrl)))
  afterAll(() => stop())

  test('the service behind the proxy learns who the user is, whatever the client claims', async () => {
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
    expect([seen['x-roles'] ?? '', seen['x_user_id']]).toEqual(['', undefined])
    expect(JSON.stringify(seen)).not.toContain(firstSecret(testServiceKeys))
  })

  test('chat-auth gets no body of a client, and no announcement of one', { tags: ['ACCESS-7'] }, async () => {
    const checks: IncomingMessage[] = []
    const chatAuth = createServer((request, response) => {
      checks.push(request)
      response.writeHead(200, { 'x-user-id': '1', 'x-session-id': 'x', 'x-roles': '' }).end()
    })
    await new Promise<void>((listening) => chatAuth.listen(0, '127.0.0.1', listening))
    const { port } = chatAuth.address() as AddressInfo
    const other = await clientOf(proxy, `http://127.0.0.1:${port}`)
    onTestFinished(() => other.stop().then(() => void chatAuth.close()))
    await other.client.request('POST', '/', { body: { text: 'hello' } })
    const { headers } = checks.at(-1) as IncomingMessage
    expect([headers['content-length'] ?? '0', headers['transfer-encoding']]).toEqual(['0', undefined])
  })

  test('an ended session is refused by the very next request', { tags: ['FEED-5'] }, async () => {
    for (let round = 0; round < 5; round += 1) {
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

  test('a request without a token, or with a wrong one, gets 401 with a challenge', async () => {
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
    const [wrong, down] = [
      await clientOf(proxy, first.internalUrl, 'a-wrong-key'),
      await clientOf(proxy, `http://127.0.0.1:${nobody}`),
    ]
    onTestFinished(() => wrong.stop())
    onTestFinished(() => down.stop())
    const { length } = received
    for (const [refused, expected] of [
      [await wrong.client.get('/', token), statusesWithoutService[proxy].wrongKey],
      [await down.client.get('/', token), statusesWithoutService[proxy].down],
    ] as const) {
      const { status, headers, body } = refused
      expect({ status, code: codeIn(body), retryAfter: headers.get('retry-after') }).toEqual(expected)
    }
    expect(received).toHaveLength(length)
  })

  test('an error of the service behind the proxy stays its own', async () => {
    const { access_token: token } = await signIn()
    expect(await client.get('/broken', token)).toMatchObject({ status: 500, body: 'hello' })
  })
})

const codeIn = (body: unknown): unknown => (body as { code?: unknown } | undefined)?.code
const unavailable = { status: 503, code: 'unavailable', retryAfter: '2' }
/** Traefik and Envoy have no body of their own for a check that failed. */
const bare = (status: number) => ({ status, code: undefined, retryAfter: null })

/** The response to a client if its token cannot be checked. It is never 401, so the client keeps the token. */
const statusesWithoutService = {
  nginx: { wrongKey: unavailable, down: unavailable },
  Caddy: { wrongKey: unavailable, down: unavailable },
  Traefik: { wrongKey: unavailable, down: bare(500) },
  Envoy: { wrongKey: bare(503), down: bare(503) },
}

test('nginx at another instance refuses an ended session when the feed arrives there', async () => {
  const { client, stop } = await clientOf('nginx', second.internalUrl)
  onTestFinished(() => stop())
  const { access_token: token } = await signIn()
  expect((await client.get('/', token)).status).toBe(200)
  await first.client().delete('/v1/sessions/current', token)
  await vi.waitFor(async () => expect((await client.get('/', token)).status).toBe(401), { timeout: 30_000 })
})

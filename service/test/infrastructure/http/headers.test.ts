import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, request } from '../../support/raw-exchange.ts'
import { newUser, TestClient, type Tokens } from '../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../support/test-service.ts'
import { expectProblem } from '../../support/http-expectations.ts'

const CHAT = 'https://chat.example.org'
const PLAIN_HEADERS = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}

/** Methods of WebDAV, UPnP, caches and drafts: Node parses them, but no route serves them. */
const unserved = [
  'TRACE',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'LOCK',
  'SEARCH',
  'QUERY',
  'REPORT',
  'M-SEARCH',
  'PURGE',
  'LINK',
]

/** The methods of each path, without HEAD. */
const methods: Record<string, readonly string[]> = {
  '/v1/users': ['GET', 'POST'],
  '/v1/users/me': ['DELETE', 'GET', 'PATCH'],
  '/v1/users/me/export': ['GET'],
  '/v1/users/me/activity': ['GET'],
  '/v1/users/me/password': ['PUT'],
  '/v1/users/me/avatar': ['DELETE', 'PUT'],
  '/v1/users/me/factors': ['GET'],
  '/v1/users/me/factors/totp': ['DELETE', 'POST'],
  '/v1/users/me/factors/totp/confirm': ['POST'],
  '/v1/users/me/recovery-codes': ['POST'],
  '/v1/users/1': ['GET'],
  '/v1/sessions': ['DELETE', 'GET', 'POST'],
  '/v1/sessions/refresh': ['POST'],
  '/v1/sessions/current': ['DELETE'],
  '/v1/sessions/end-by-link': ['POST'],
  '/v1/password-resets': ['POST'],
  '/v1/password-resets/complete': ['POST'],
  '/v1/email-verifications': ['POST'],
  '/v1/email-verifications/complete': ['POST'],
  '/v1/email-changes/undo': ['POST'],
  '/v1/sessions/current/reauthenticate': ['POST'],
  '/v1/sessions/challenges/complete': ['POST'],
  '/v1/sessions/0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11': ['DELETE'],
  '/v1/tickets': ['POST'],
  '/v1/admin/audit': ['GET'],
  '/v1/admin/users': ['GET'],
  '/v1/admin/users/1': ['GET'],
  '/v1/admin/users/1/disable': ['POST'],
  '/v1/admin/users/1/enable': ['POST'],
  '/v1/admin/users/1/roles': ['PUT'],
  '/v1/admin/users/1/factors': ['DELETE'],
  '/v1/admin/users/1/sessions': ['DELETE', 'GET'],
  '/v1/admin/users/1/sessions/0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11': ['DELETE'],
  '/sessions': ['POST'],
  '/sessions/': ['POST'],
  '/sessions/refresh': ['POST'],
  '/sessions/refresh/': ['POST'],
  '/sessions/terminate': ['POST'],
  '/sessions/terminate/': ['POST'],
  '/sessions/terminate-all': ['POST'],
  '/sessions/terminate-all/': ['POST'],
  '/users': ['POST'],
  '/users/': ['POST'],
  '/users/me': ['GET'],
  '/users/me/': ['GET'],
  '/users/update': ['PATCH'],
  '/users/update/': ['PATCH'],
  '/users/avatar': ['PATCH'],
  '/users/avatar/': ['PATCH'],
  '/users/search': ['GET'],
  '/users/search/': ['GET'],
  '/reset': ['GET'],
  '/verify-email': ['GET'],
  '/undo-email-change': ['GET'],
  '/end-session': ['GET'],
  '/pages/page.css': ['GET'],
  '/pages/link.js': ['GET'],
  '/.well-known/jwks.json': ['GET'],
  '/.well-known/oauth-authorization-server': ['GET'],
  '/health/live': ['GET'],
  '/health/ready': ['GET'],
  '/errors/not_found': ['GET'],
  '/openapi.json': ['GET'],
  '/v1/media/avatars/default-0-512.png': ['GET'],
  '/media/avatars/default-0-512.png': ['GET'],
}

describe.each(databaseNames)('headers, on %s', (database) => {
  let plain: TestService
  /** As in production: TLS ends in front of it, browsers call from other origins, no proxy is trusted. */
  let deployed: TestService

  beforeAll(async () => {
    plain = await startTestService(database)
    deployed = await startTestService(database, {
      PUBLIC_URL: 'https://auth.example.org/',
      CORS_ORIGINS: `${CHAT}, http://localhost:3000`,
      TRUSTED_PROXIES: '',
    })
  })
  afterAll(() => Promise.all([plain.stop(), deployed.stop()]))

  test('a malformed path is refused and closes its connection', async () => {
    const unreadable = 'GET /v1/users/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    // This would wait forever if the connection stayed open.
    const { status, headers } = await exchange(plain.url, unreadable)
    expect([status, headers.get('connection')]).toEqual([400, 'close'])
  })

  const responsesOf = async (service: TestService) => {
    const guest = service.client()
    return [
      await guest.get('/health/live'),
      await guest.get('/v1/users/me'),
      await guest.get('/nowhere'),
      await guest.get('/v1/sessions/refresh'),
      await guest.post('/v1/sessions', {}),
      await guest.post('/v1/sessions', '{'),
      await service.operator().get('/v1/users/1/sessions'),
    ]
  }

  describe('security headers', () => {
    test('every response has the security headers, including errors', { tags: ['HTTP-3'] }, async () => {
      for (const { headers } of await responsesOf(plain)) {
        expect(Object.fromEntries(headers)).toMatchObject(PLAIN_HEADERS)
        expect(headers.get('server')).toBeNull()
        expect(headers.get('x-powered-by')).toBeNull()
      }
    })

    test('HSTS is sent only if PUBLIC_URL is https', { tags: ['HTTP-3'] }, async () => {
      for (const { headers } of await responsesOf(plain))
        expect(headers.get('strict-transport-security')).toBeNull()
      for (const { headers } of await responsesOf(deployed)) {
        expect(headers.get('strict-transport-security')).toBe('max-age=31536000')
      }
    })

    test(
      'URLs in responses use PUBLIC_URL, never Host or forwarded headers',
      { tags: ['HTTP-7'] },
      async () => {
        const headers = [
          'Host: evil.example',
          'X-Forwarded-Host: evil.example',
          'X-Forwarded-Proto: http',
          'Forwarded: host=evil.example',
        ]
        const response = await exchange(
          deployed.url,
          Buffer.from(['GET /v1/users/me HTTP/1.1', ...headers, 'Connection: close', '', ''].join('\r\n')),
        )
        expect((response.body as { type: string }).type).toBe(
          'https://auth.example.org/errors/authentication_required',
        )
        const person = await deployed.client().register()
        const { access_token: token } = await deployed.client().signIn(person)
        const { body } = await deployed.client().get('/v1/users/me', token)
        expect((body as { avatar_url: string }).avatar_url).toMatch(
          /^https:\/\/auth\.example\.org\/v1\/media\/avatars\//,
        )
      },
    )
  })

  describe('x-request-id', () => {
    const idFor = async (given: string) => {
      const response = await exchange(plain.url, request('GET /v1/users/me', [`X-Request-Id: ${given}`]))
      const id = response.headers.get('x-request-id')
      expect((response.body as { request_id: string }).request_id).toBe(id)
      return id
    }

    test.each(['12345678', 'abc.DEF_ghi-123', 'x'.repeat(64), '6f1f8f0a-0f0e-4f6a-9a53-1c7f5a1f7e11'])(
      'the valid X-Request-Id %s is returned and logged',
      async (id) => {
        expect(await idFor(id)).toBe(id)
        expect(plain.logs.some(({ request_id }) => request_id === id)).toBe(true)
      },
    )

    test.each([
      '',
      'short',
      'x'.repeat(65),
      'with space',
      '<script>alert(1)</script>',
      '{"level":"error"}',
      '12345678\u0085',
      '12345678;a=b',
      '${jndi:ldap://x}',
      '../../../etc/passwd',
    ])('the invalid X-Request-Id %j is replaced by a new one', async (given) => {
      expect(await idFor(given)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    })

    test('two X-Request-Id headers are replaced by a new id', async () => {
      const response = await exchange(
        plain.url,
        request('GET /v1/users/me', ['X-Request-Id: 12345678', 'X-Request-Id: 87654321']),
      )
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-/)
    })

    test('responses to requests without X-Request-Id have different ids', async () => {
      const ids = (await responsesOf(plain)).map(({ headers }) => headers.get('x-request-id'))
      expect(new Set(ids).size).toBe(ids.length)
    })
  })

  describe('CORS', () => {
    const ask = (service: TestService, method: string, origin: string) =>
      new TestClient(service.url).request(method, '/v1/users/me', {
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization,content-type',
        },
      })
    const corsOf = (headers: Headers) => [...headers].filter(([name]) => name.startsWith('access-control-'))

    test('without CORS_ORIGINS no origin is allowed', { tags: ['HTTP-2'] }, async () => {
      for (const method of ['GET', 'OPTIONS']) {
        expect(corsOf((await ask(plain, method, CHAT)).headers)).toEqual([])
      }
    })

    test.each([CHAT, 'http://localhost:3000'])(
      'the configured origin %s is allowed, with the headers it may read',
      async (origin) => {
        const { status, headers } = await ask(deployed, 'GET', origin)
        expect(status).toBe(401)
        expect(headers.get('access-control-allow-origin')).toBe(origin)
        expect(headers.get('access-control-expose-headers')).toBe(
          'location, retry-after, x-request-id, www-authenticate',
        )
        expect(headers.get('access-control-allow-credentials')).toBeNull()
        expect(headers.get('vary')).toMatch(/origin/i)
      },
    )

    test('a preflight gets a response without a body', async () => {
      const { status, headers, body } = await ask(deployed, 'OPTIONS', CHAT)
      expect([status, body]).toEqual([204, undefined])
      expect(headers.get('access-control-allow-origin')).toBe(CHAT)
      expect(headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, PATCH, DELETE')
      expect(headers.get('access-control-allow-headers')).toBe('authorization, content-type, x-request-id')
    })

    test.each([
      'https://evil.example',
      'null',
      'https://chat.example.org.evil.example',
      'http://chat.example.org',
      `${CHAT}:444`,
      `${CHAT}/`,
      'HTTPS://CHAT.EXAMPLE.ORG',
    ])('the origin %s is not allowed', async (origin) => {
      for (const method of ['GET', 'OPTIONS']) {
        const { headers } = await ask(deployed, method, origin)
        expect(headers.get('access-control-allow-origin')).toBeNull()
      }
    })

    test('the internal listener allows no origin', async () => {
      const response = await new TestClient(deployed.internalUrl).request('GET', '/health/live', {
        headers: { origin: CHAT },
      })
      expect(corsOf(response.headers)).toEqual([])
    })
  })

  describe('proxies', () => {
    const addressSeen = async (service: TestService, from: string) => {
      const { session } = (await service
        .client(from)
        .signIn(await service.client(from).register())) as Tokens & {
        session: { ip: string }
      }
      return session.ip
    }

    test('X-Forwarded-For is used if it comes from a trusted proxy', { tags: ['HTTP-1'] }, async () => {
      expect(await addressSeen(plain, '203.0.113.9')).toBe('203.0.113.9')
      expect(await addressSeen(plain, '2001:DB8:0:0::7')).toBe('2001:db8::7')
    })

    test('addresses that a client put into X-Forwarded-For are ignored', async () => {
      expect(await addressSeen(plain, '1.1.1.1, 2.2.2.2, 203.0.113.9')).toBe('203.0.113.9')
      expect(await addressSeen(plain, '203.0.113.9, 127.0.0.1')).toBe('203.0.113.9')
    })

    test(
      'X-Forwarded-For from an untrusted peer is ignored, also for rate limits',
      { tags: ['HTTP-1'] },
      async () => {
        expect(await addressSeen(deployed, '203.0.113.9')).toBe('127.0.0.1')
        deployed.clock.stop()
        const guess = () =>
          deployed.client().post('/v1/sessions', { username: newUser().username, password: 'wrong' })
        const responses = []
        for (let at = 0; at < 51; at += 1) responses.push(await guess())
        expect(responses.slice(0, 50).every(({ status }) => status === 401)).toBe(true)
        expect(responses[50]).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } })
      },
    )
  })

  describe('methods', () => {
    test.each(Object.entries(methods))(
      '%s serves its own methods and refuses others with 405',
      { tags: ['HTTP-22'] },
      async (path, served) => {
        const guest = plain.client()
        const allowed = [...served, ...(served.includes('GET') ? ['HEAD'] : [])].toSorted()
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
          const response = await guest.request(method, path)
          if (allowed.includes(method)) {
            expect(response.status).not.toBeOneOf([404, 405])
            continue
          }
          if (method !== 'HEAD') expectProblem(response, 'method_not_allowed')
          expect([response.status, response.headers.get('allow')]).toEqual([405, allowed.join(', ')])
        }
        for (const method of unserved) {
          const refused = await exchange(plain.url, request(`${method} ${path}`))
          expectProblem(refused, 'method_not_allowed')
          expect([method, refused.headers.get('allow')]).toEqual([method, allowed.join(', ')])
        }
      },
    )

    test('an unserved method on an unknown path is 404', async () => {
      // A QUERY without a Content-Type is malformed on every path (RFC 10008, section 2).
      for (const method of unserved.filter((each) => each !== 'QUERY')) {
        expectProblem(await exchange(plain.url, request(`${method} /nowhere`)), 'not_found')
      }
    })

    test('every path of the OpenAPI document is in the list of tested paths', async () => {
      const { body } = await plain.client().get('/openapi.json')
      const concrete = Object.keys((body as { paths: object }).paths).map((path) => {
        return path
          .replace('/users/{id}', '/users/1')
          .replace(/\{s?id\}/, '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11')
          .replace('{code}', 'not_found')
      })
      expect(Object.keys(methods)).toEqual(expect.arrayContaining(concrete))
    })

    test('HEAD gets the response of GET without the body', async () => {
      const person = await plain.client().register()
      const { access_token: token } = await plain.client().signIn(person)
      for (const path of [
        '/v1/users/me',
        '/v1/sessions',
        '/.well-known/jwks.json',
        '/openapi.json',
        '/docs',
      ]) {
        const [get, head] = [
          await plain.client().get(path, token),
          await plain.client().request('HEAD', path, { token }),
        ]
        expect([head.status, head.body]).toEqual([200, undefined])
        for (const name of ['content-type', 'content-length', 'cache-control']) {
          expect(head.headers.get(name)).toBe(get.headers.get(name))
        }
      }
      expect((await plain.client().request('HEAD', '/v1/users/me')).status).toBe(401)
    })

    test(
      'GET and HEAD change no data, whatever method override they carry',
      { tags: ['HTTP-8'] },
      async () => {
        const person = await plain.client().register()
        const { access_token: token } = await plain.client().signIn(person)
        const { db } = plain.service
        const state = async () => [
          await db.selectFrom('users').selectAll().where('id', '=', person.id).execute(),
          await db.selectFrom('sessions').selectAll().where('user_id', '=', person.id).execute(),
          await db.selectFrom('outbox').selectAll().where('user_id', '=', person.id).execute(),
          await db.selectFrom('revocations').selectAll().where('user_id', '=', person.id).execute(),
        ]
        // A mail that waits to be kept would change the outbox meanwhile.
        await plain.service.outbox.settle()
        const before = await state()
        for (const path of Object.keys(methods)) {
          for (const method of ['GET', 'HEAD']) {
            await plain
              .client()
              .request(method, path, { token, headers: { 'x-http-method-override': 'DELETE' } })
            await plain.client().request(method, `${path}?_method=DELETE&method=DELETE`, { token })
          }
        }
        expect(await state()).toEqual(before)
      },
    )
  })
})

import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectEnded, expectPrivate, expectProblem } from '../../../support/http-expectations.ts'
import { exchange, request } from '../../../support/raw-exchange.ts'
import { serviceKeySetting } from '../../../support/service-keys.ts'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'

const SECRET = 'the-secret-that-all-services-share-1'

/** As a proxy calls it: without a token if it is undefined. */
const check = (
  { internalUrl, serviceKey }: TestService,
  token: string | undefined,
  headers: Record<string, string> = { 'x-service-key': serviceKey },
): Promise<ApiResponse> =>
  new TestClient(internalUrl).request('GET', '/v1/check', { ...(token !== undefined && { token }), headers })

describe.each(databaseNames)('forward authentication, on %s', (database) => {
  let service: TestService
  let person: TestUser
  let tokens: Tokens

  beforeAll(async () => {
    service = await startTestService(database)
    person = await service.client().register()
    await service.operator().put(`/v1/users/${person.id}/roles`, { roles: ['moderator', 'staff'] })
    tokens = await service.client().signIn(person)
  })
  afterAll(() => service.stop())

  test('a check names the user, the session and the roles in headers', async () => {
    const response = await check(service, tokens.access_token)
    expect(response.status).toBe(200)
    expect(response.body).toBeUndefined()
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-user-id': String(person.id),
      'x-session-id': tokens.session.id,
      'x-roles': 'moderator,staff',
    })
    expectPrivate(response)
  })

  test('a user without roles has an empty header', async () => {
    const { access_token: token } = await service.client().signIn(await service.client().register())
    const { status, headers } = await check(service, token)
    expect([status, headers.get('x-roles')]).toEqual([200, ''])
  })

  test('an ended session is refused by the very next check', { tags: ['FEED-5'] }, async () => {
    for (let round = 0; round < 20; round += 1) {
      const { access_token: token } = await service.client().signIn(person)
      expect((await check(service, token)).status).toBe(200)
      expect((await service.client().delete('/v1/sessions/current', token)).status).toBe(204)
      expectEnded(await check(service, token), 'signed_out')
    }
  })

  test(
    'tokens of before a change of roles are refused by the very next check',
    { tags: ['FEED-5'] },
    async () => {
      const another = await service.client().register()
      const { access_token: token, refresh_token: refresh } = await service.client().signIn(another)
      await service.operator().put(`/v1/users/${another.id}/roles`, { roles: ['moderator'] })
      expectProblem(await check(service, token), 'invalid_access_token')
      const renewed = (await service.client().refresh(refresh)).body as Tokens
      expect((await check(service, renewed.access_token)).headers.get('x-roles')).toBe('moderator')
    },
  )

  test('a check confirms the receipt of a token', async () => {
    const { refresh_token: first } = await service.client().signIn(await service.client().register())
    const { access_token: token, session } = (await service.client().refresh(first)).body as Tokens
    await check(service, token)
    await service.service.receipts.flush()
    const row = await service.service.db
      .selectFrom('sessions')
      .select('confirmed_generation')
      .where('id', '=', session.id)
      .executeTakeFirstOrThrow()
    expect(row).toEqual({ confirmed_generation: 1 })
  })

  test('a missing or wrong token gets the same errors as on the public routes', async () => {
    expectProblem(await check(service, undefined), 'authentication_required')
    expectProblem(await check(service, `${tokens.access_token}x`), 'invalid_access_token')
    expectProblem(await check(service, tokens.refresh_token), 'invalid_access_token')
  })

  test('only X-Service-Key opens the check', { tags: ['ACCESS-7'] }, async () => {
    const keyOfProxyRefused = {
      status: 503,
      body: { code: 'unavailable', detail: expect.stringContaining('key of the proxy') as string },
    }
    const wrong = [
      {},
      { 'x-service-key': '' },
      { 'x-service-key': `${service.serviceKey}x` },
      { 'x-service-key': `Bearer ${service.serviceKey}` },
    ]
    for (const headers of wrong) {
      const response = await check(service, tokens.access_token, headers)
      expect(response).toMatchObject(keyOfProxyRefused)
      // The proxy passes the response on. A challenge would tell its client that the token is bad.
      expect(response.headers.get('www-authenticate')).toBeNull()
      expect(response.headers.get('retry-after')).toBe('2')
    }
    expect(await check(service, service.serviceKey, {})).toMatchObject(keyOfProxyRefused)
    const twice = await exchange(
      service.internalUrl,
      request('GET /v1/check', [
        `X-Service-Key: ${service.serviceKey}`,
        `X-Service-Key: ${service.serviceKey}`,
      ]),
    )
    expect(twice).toMatchObject(keyOfProxyRefused)
    // On the other routes the header opens nothing.
    const headers = { 'x-service-key': service.serviceKey }
    const response = await new TestClient(service.internalUrl).request('GET', '/v1/revocations', { headers })
    expectProblem(response, 'invalid_service_key')
  })

  test('after a check that announces a body, the connection closes', { tags: ['ACCESS-7'] }, async () => {
    // nginx does so unless it is configured not to, and keeps the connection for the check of another client.
    for (const [token, status] of [
      [tokens.access_token, 200],
      ['x', 401],
    ] as const) {
      const head = [
        'GET /v1/check HTTP/1.1',
        'Host: localhost',
        'Content-Length: 1000',
        `X-Service-Key: ${service.serviceKey}`,
        `Authorization: Bearer ${token}`,
      ]
      const response = await exchange(service.internalUrl, `${head.join('\r\n')}\r\n\r\n`)
      expect([response.status, response.headers.get('connection')]).toEqual([status, 'close'])
    }
  })

  test.each([
    'GET /v1/check/api/messages?text=hello&cursor=1',
    'POST /v1/check/api/messages',
    'DELETE /v1/check/',
    'PROPFIND /v1/check/%2e%2e/%00/x',
  ])('the request of Envoy, %s, is checked without reading its query or body', async (line) => {
    const of = (token: string) =>
      exchange(
        service.internalUrl,
        request(line, [
          'Content-Type: application/json',
          'Content-Length: 0',
          `X-Service-Key: ${service.serviceKey}`,
          `Authorization: Bearer ${token}`,
        ]),
      )
    const response = await of(tokens.access_token)
    expect([response.status, response.headers.get('x-user-id')]).toEqual([200, String(person.id)])
    expectProblem(await of('x'), 'invalid_access_token')
  })
})

test(
  'a role that another service signed reaches a header only in the form of a role',
  { tags: ['ACCESS-7'] },
  async () => {
    const service = await startTestService('PGlite', {
      TOKEN_ALGORITHM: 'HS256',
      TOKEN_SHARED_SECRET: SECRET,
      SERVICE_KEYS: serviceKeySetting('a-service-key-of-the-forward-tests-1'),
    })
    try {
      const { access_token: token } = await service.client().signIn(await service.client().register())
      const [header, payload] = token.split('.') as [string, string]
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
      const roles = ['staff', 'a\r\nX-User-Id: 1', 'a,admin', 'ADMIN', '\u0000', 'é', 'x'.repeat(33), '']
      const forged = `${header}.${Buffer.from(JSON.stringify({ ...claims, roles })).toString('base64url')}`
      const seal = createHmac('sha256', SECRET).update(forged).digest('base64url')
      const { status, headers } = await check(service, `${forged}.${seal}`)
      expect([status, headers.get('x-roles')]).toEqual([200, 'staff'])
    } finally {
      await service.stop()
    }
  },
)

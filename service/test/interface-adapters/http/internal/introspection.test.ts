import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import { expectPrivate, expectProblem, expectRefusedFields } from '../../../support/http-expectations.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const PATH = '/v1/introspect'

describe.each(databaseNames)('introspection, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { SESSION_IDLE_TTL: '10h', SESSION_TTL: '24h' })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const introspect = (token: string): Promise<ApiResponse> => service.operator().post(PATH, { token })
  const introspectForm = (body: string, headers: Record<string, string> = FORM): Promise<ApiResponse> =>
    service.operator().request('POST', PATH, { body, headers })
  const signedIn = async (): Promise<{ person: TestUser; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, tokens: await service.client().signIn(person) }
  }
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> => {
    const { status, body } = await service.client().refresh(token)
    expect(status).toBe(200)
    return body as Tokens
  }
  const claimsOf = ({ access_token: token }: Tokens): Record<string, unknown> => {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    const { jti, rcp, ...claims } = JSON.parse(payload) as Record<string, unknown>
    expect([jti, rcp]).toEqual([expect.any(String), expect.any(String)])
    return claims
  }
  /** The response says inactive and nothing else (RFC 7662, section 2.2). */
  const expectInactive = (response: ApiResponse): void => {
    expect(response.status).toBe(200)
    expect(response.body).toEqual({ active: false })
    expectPrivate(response)
  }
  const row = ({ session }: Tokens) =>
    service.service.db
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', session.id)
      .executeTakeFirstOrThrow()

  describe('introspection of an access token', () => {
    test('introspection of an access token returns its claims', async () => {
      const { person, tokens } = await signedIn()
      const next = await refreshed(tokens)
      service.clock.advance({ seconds: 7 })
      const response = await introspect(next.access_token)
      expect(response.status).toBe(200)
      expect(response.body).toEqual({ active: true, token_type: 'Bearer', ...claimsOf(next) })
      expect(response.body).toMatchObject({
        iss: 'http://localhost:8000',
        aud: 'chat',
        user_id: person.id,
        sub: String(person.id),
        sid: tokens.session.id,
        gen: 1,
        amr: ['pwd'],
        roles: [],
      })
      expectPrivate(response)
    })

    test('introspection accepts a form and the hint of RFC 7662', async () => {
      const { access_token: token } = (await signedIn()).tokens
      const { body } = await introspect(token)
      const forms = [
        `token=${token}`,
        `token=${token}&token_type_hint=access_token`,
        `token=${token}&token_type_hint=`,
        `%74oken=${token.replaceAll('.', '%2e')}`,
      ]
      for (const form of forms) expect(await introspectForm(form)).toMatchObject({ status: 200, body })
      const type = 'Application/x-www-form-urlencoded; charset=UTF-8'
      expect(await introspectForm(forms[0] ?? '', { 'content-type': type })).toMatchObject({ body })
      const hinted = { token, token_type_hint: 'refresh_token' }
      expect(await service.operator().post(PATH, hinted)).toMatchObject({ body })
    })

    test('introspection of an access token confirms its generation', async () => {
      const { tokens } = await signedIn()
      const next = await refreshed(tokens)
      await introspect(next.access_token)
      await vi.waitFor(async () => {
        await service.service.receipts.flush()
        expect((await row(tokens)).confirmed_generation).toBe(1)
      })
    })

    test('an expired access token is inactive', async () => {
      const { tokens } = await signedIn()
      const { exp } = claimsOf(tokens) as { exp: number }
      service.clock.advance({ seconds: exp - 0.001 - +service.clock.now() / 1000 })
      expect((await introspect(tokens.access_token)).body).toMatchObject({ active: true })
      service.clock.advance({ seconds: 0.001 })
      expectInactive(await introspect(tokens.access_token))
    })
  })

  describe('introspection of a refresh token', () => {
    test('introspection of a refresh token returns its user and its expiry', async () => {
      const { person, tokens } = await signedIn()
      service.clock.advance({ minutes: 30 })
      const next = await refreshed(tokens)
      const response = await introspect(next.refresh_token)
      expect(response.status).toBe(200)
      const { iss, aud, sub, user_id, sid, gen, auth_time, amr, roles } = claimsOf(next)
      expect(response.body).toEqual({
        active: true,
        token_type: 'refresh_token',
        iss,
        aud,
        sub,
        user_id,
        sid,
        gen,
        auth_time,
        amr,
        roles,
        exp: Math.floor(+service.clock.now() / 1000) + 10 * 3600,
      })
      expect(response.body).toMatchObject({ user_id: person.id, gen: 1 })
      expectPrivate(response)
      expect((await introspectForm(`token=${next.refresh_token}`)).body).toEqual(response.body)
    })

    test('introspection of a refresh token does not spend it or confirm its generation', async () => {
      const { tokens } = await signedIn()
      const next = await refreshed(tokens)
      for (let time = 0; time < 3; time += 1) await introspect(next.refresh_token)
      await service.service.receipts.flush()
      service.clock.advance({ hours: 1 })
      expect((await refreshed(tokens)).refresh_token).toBe(next.refresh_token)
      expect((await row(tokens)).generation).toBe(1)
    })

    test('a spent refresh token whose successor is unconfirmed is active', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      service.clock.advance({ hours: 1 })
      expect((await introspect(tokens.refresh_token)).body).toMatchObject({ active: true, gen: 0 })
    })

    test(
      'a spent refresh token is inactive, and its introspection ends no session',
      { tags: ['TOKEN-15'] },
      async () => {
        const { tokens } = await signedIn()
        const next = await refreshed(tokens)
        await service.client().get('/v1/users/me', next.access_token)
        await vi.waitFor(async () => {
          await service.service.receipts.flush()
          expect((await row(tokens)).confirmed_generation).toBe(1)
        })
        expect((await introspect(tokens.refresh_token)).body).toMatchObject({ active: true })
        service.clock.advance({ seconds: 30.001 })
        const before = await row(tokens)
        for (let time = 0; time < 3; time += 1) expectInactive(await introspect(tokens.refresh_token))
        expect(await row(tokens)).toEqual(before)
        const revocations = service.service.db.selectFrom('revocations').select('session_id')
        expect(await revocations.where('session_id', '=', tokens.session.id).execute()).toEqual([])
        const last = await refreshed(next)
        expect((await introspect(last.access_token)).body).toMatchObject({ active: true, gen: 2 })
        expectInactive(await introspect(tokens.refresh_token))
      },
    )

    test('a refresh token of an expired session is inactive', async () => {
      const { tokens } = await signedIn()
      service.clock.advance({ hours: 9.999 })
      expect((await introspect(tokens.refresh_token)).body).toMatchObject({ active: true })
      service.clock.advance({ hours: 0.001 })
      expectInactive(await introspect(tokens.refresh_token))
    })
  })

  const endings: { how: string; end: (person: TestUser, tokens: Tokens) => Promise<ApiResponse> }[] = [
    {
      how: 'signing out',
      end: (_person, { access_token: token }) => service.client().delete('/v1/sessions/current', token),
    },
    {
      how: 'an operator',
      end: ({ id }) => service.operator().delete(`/v1/users/${id}/sessions`),
    },
    {
      how: 'a ban',
      end: ({ id }) => service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' }),
    },
    {
      how: 'a replay',
      end: async (_person, tokens) => {
        await refreshed(await refreshed(tokens))
        return service.client().refresh(tokens.refresh_token)
      },
    },
  ]
  test.each(endings)(
    'no token is active after its session was ended by $how',
    { tags: ['SESSION-2'] },
    async ({ end }) => {
      const { person, tokens } = await signedIn()
      const next = await refreshed(tokens)
      await end(person, next)
      for (const { access_token, refresh_token } of [tokens, next])
        for (const token of [access_token, refresh_token]) expectInactive(await introspect(token))
    },
  )

  test('introspection of garbage is inactive', { tags: ['TOKEN-15'] }, async () => {
    const { access_token: access, refresh_token: refresh, session } = (await signedIn()).tokens
    const [header, payload, signature] = access.split('.') as [string, string, string]
    const ticket = await service.client().post('/v1/tickets', undefined, access)
    const garbage = [
      '',
      ' ',
      '\u0000',
      '\ud800',
      '🙂',
      'null',
      '..',
      '...',
      'x'.repeat(4096),
      '{"a":1}',
      session.id,
      `Bearer ${access}`,
      ` ${access}`,
      `${access}=`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${payload}.${header}.${signature}`,
      access.slice(0, -1),
      access.toLowerCase(),
      `${access}.x`,
      `${refresh}=`,
      refresh.slice(1),
      refresh.toUpperCase(),
      `${refresh}\n`,
      `${refresh}${refresh}`,
      randomBytes(65).toString('base64url'),
      service.serviceKey,
      (ticket.body as { ticket: string }).ticket,
    ]
    for (const token of garbage) expectInactive(await introspect(token))
    for (const token of [access, refresh])
      expect((await introspect(token)).body).toMatchObject({ active: true })
  })

  test(
    'introspection of a missing, duplicate, too long or non-string token is 422',
    { tags: ['TOKEN-10'] },
    async () => {
      const { access_token: token } = (await signedIn()).tokens
      const operator = service.operator()
      expectRefusedFields(await operator.post(PATH), { body: 'required' })
      expectRefusedFields(await operator.post(PATH, {}), { token: 'required' })
      for (const wrong of [null, 7, true, [token], [], { token }])
        expectRefusedFields(await operator.post(PATH, { token: wrong }), { token: 'invalid_type' })
      expectRefusedFields(await introspect('x'.repeat(4097)), { token: 'too_long' })
      expectRefusedFields(await introspectForm(''), { token: 'required' })
      for (const [form, name] of [
        ['a=b', 'a'],
        ['__proto__=1', '__proto__'],
        [`Token=${token}`, 'Token'],
        [`token[]=${token}`, 'token[]'],
      ] as const)
        expectRefusedFields(await introspectForm(form), { token: 'required', [name]: 'unknown_field' })
      for (const form of [`token=${token}&token=${token}`, `token=${token}&token=`, 'token&token'])
        expectRefusedFields(await introspectForm(form), { token: 'invalid_type' })
      expectRefusedFields(await introspectForm(`token=${'x'.repeat(4097)}`), { token: 'too_long' })
      for (const form of ['token=', 'token', 'token=%', 'token=%ff%fe', 'token=%00'])
        expectInactive(await introspectForm(form))
    },
  )

  test('an introspection form that is too large or compressed is refused', async () => {
    expectProblem(await introspectForm(`token=x&a=${'x'.repeat(17_000)}`), 'payload_too_large')
    const packed = { ...FORM, 'content-encoding': 'gzip' }
    expectProblem(await introspectForm('token=x', packed), 'unsupported_media_type')
    const other = { 'content-type': 'text/plain' }
    expectProblem(await introspectForm('token=x', other), 'unsupported_media_type')
  })

  test('introspection needs a service key, whatever the body', async () => {
    const { tokens } = await signedIn()
    const body = { token: tokens.access_token }
    for (const token of [undefined, 'wrong', tokens.access_token, tokens.refresh_token]) {
      const anybody = new TestClient(service.internalUrl)
      expectProblem(await anybody.request('POST', PATH, { body, token }), 'invalid_service_key')
      const unread = await anybody.request('POST', PATH, { body: '{"not json', token })
      expectProblem(unread, 'invalid_service_key')
      const form = { body: `token=${body.token}`, headers: FORM, token }
      expectProblem(await anybody.request('POST', PATH, form), 'invalid_service_key')
    }
    expectProblem(await service.client().post(PATH, body, service.serviceKey), 'not_found')
  })

  test('introspection accepts only POST and refuses a query string', async () => {
    const { access_token: token } = (await signedIn()).tokens
    const response = await service.operator().get(`${PATH}?token=${token}`)
    expectProblem(response, 'method_not_allowed')
    expect(response.headers.get('allow')).toBe('POST')
    const posted = await service.operator().request('POST', `${PATH}?token=${token}`, { body: {} })
    expectRefusedFields(posted, { token: 'unknown_field' })
  })

  test('introspection is documented to accept JSON and forms', async () => {
    const { body } = await service.operator().get('/openapi.json')
    const { paths } = body as {
      paths: Record<string, Record<string, { requestBody?: { content: object } }>>
    }
    const takes = (path: string) => Object.keys(paths[path]?.['post']?.requestBody?.content ?? {})
    expect(takes(PATH)).toEqual(['application/json', 'application/x-www-form-urlencoded'])
    expect(takes('/v1/receipts')).toEqual(['application/json'])
  })
})

describe.each(databaseNames)('tokens without a configured audience, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, {
      TOKEN_AUDIENCE: '',
      TOKEN_ISSUER: 'https://auth.example.org',
    })
  })
  afterAll(() => service.stop())

  test('without a configured audience, claims have no aud and the configured iss', async () => {
    const tokens = await service.client().signIn(await service.client().register())
    const asked = await service.client().post('/v1/tickets', undefined, tokens.access_token)
    const { ticket } = asked.body as { ticket: string }
    const responses = [
      await service.operator().post(PATH, { token: tokens.access_token }),
      await service.operator().post(PATH, { token: tokens.refresh_token }),
      await service.operator().post('/v1/tickets/redeem', { ticket }),
    ]
    for (const { status, body } of responses) {
      expect(status).toBe(200)
      expect(body).not.toHaveProperty('aud')
      expect(body).toMatchObject({ iss: 'https://auth.example.org', sid: tokens.session.id })
    }
  })
})

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestClient, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
  SESSION,
} from '../../../support/http-expectations.ts'
import { serviceKeySetting } from '../../../support/service-keys.ts'

const OTHER_KEY = 'another-service-key-of-the-tests-that-is-long'

describe.each(databaseNames)('moderation, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, {
      SERVICE_KEYS: `${serviceKeySetting('service-key-of-the-tests-that-is-long')},${serviceKeySetting(OTHER_KEY)}`,
    })
  })
  afterAll(() => service.stop())

  const operator = () => service.operator()
  const disable = (id: number | string, reason: unknown = 'Spam') =>
    operator().post(`/v1/users/${id}/disable`, { reason })
  const enable = (id: number | string) => operator().post(`/v1/users/${id}/enable`)
  const signedIn = async (): Promise<{ person: TestUser; id: number; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, id: person.id, tokens: await service.client('203.0.113.5').signIn(person) }
  }
  const endedAs = async ({ access_token: access, refresh_token: token }: Tokens, reason: string) => {
    expectEnded(await service.client().get('/v1/users/me', access), reason)
    expectEnded(await service.client().refresh(token), reason)
  }
  const row = (id: number) =>
    service.service.db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

  test(
    'disabling a user ends every session and refuses new sign-ins',
    { tags: ['SIGN-IN-18', 'SESSION-3'] },
    async () => {
      const { person, id, tokens } = await signedIn()
      const second = await service.client().signIn(person)
      const response = await disable(id, 'Spam, again 🚫\nand again')
      expect(response).toMatchObject({ status: 204, body: undefined })
      expectPrivate(response)
      await endedAs(tokens, 'user_disabled')
      await endedAs(second, 'user_disabled')
      const { username, password } = person
      expectProblem(await service.client().post('/v1/sessions', { username, password }), 'user_disabled')
      expect(await row(id)).toMatchObject({
        disabled_reason: 'Spam, again 🚫\nand again',
        disabled_at: expect.any(Date) as Date,
      })
    },
  )

  test('disabling a user again in the same way changes nothing', async () => {
    const { id } = await signedIn()
    await disable(id)
    const before = await row(id)
    expect((await disable(id)).status).toBe(204)
    expect(await row(id)).toEqual(before)
  })

  test('an enabled user may sign in again, and ended sessions stay ended', { tags: ['BAN-6'] }, async () => {
    const { person, id, tokens } = await signedIn()
    await disable(id)
    for (let time = 0; time < 2; time += 1)
      expect(await enable(id)).toMatchObject({ status: 204, body: undefined })
    await endedAs(tokens, 'user_disabled')
    const again = await service.client().signIn(person)
    expect((await service.client().get('/v1/users/me', again.access_token)).status).toBe(200)
  })

  test('a sign-in that races with a ban leaves no live session', async () => {
    const { person, id } = await signedIn()
    const { username, password } = person
    const attempts = Array.from({ length: 6 }, () =>
      service.client().post('/v1/sessions', { username, password }),
    )
    const [responses] = await Promise.all([Promise.all(attempts), disable(id)])
    for (const { status, body } of responses) {
      if (status === 201) await endedAs(body as Tokens, 'user_disabled')
      else expect((body as { code: string }).code).toBe('user_disabled')
    }
    expect((await operator().get(`/v1/users/${id}/sessions`)).body).toEqual({ items: [] })
  })

  test('an operator sees the sessions of a user, none of them marked as current', async () => {
    const { id, tokens } = await signedIn()
    const response = await operator().get(`/v1/users/${id}/sessions`)
    expect(response.status).toBe(200)
    expect(response.body).toEqual({
      items: [{ ...SESSION, id: tokens.session.id, ip: '203.0.113.5', current: false }],
    })
    expectPrivate(response)
  })

  test(
    'ending all sessions of a user is 204 each time, and the user may sign in again',
    { tags: ['ACCOUNT-6'] },
    async () => {
      const { person, id, tokens } = await signedIn()
      for (let time = 0; time < 2; time += 1) {
        expect(await operator().delete(`/v1/users/${id}/sessions`)).toMatchObject({
          status: 204,
          body: undefined,
        })
      }
      await endedAs(tokens, 'terminated_by_admin')
      await service.client().signIn(person)
    },
  )

  test('an operator ends one session, the others stay live, and repeating it changes nothing', async () => {
    const { person, id, tokens } = await signedIn()
    const other = await service.client().signIn(person)
    const end = () => operator().delete(`/v1/users/${id}/sessions/${tokens.session.id}`)
    const response = await end()
    expect(response).toMatchObject({ status: 204, body: undefined })
    expectPrivate(response)
    await endedAs(tokens, 'terminated_by_admin')
    expect((await end()).status).toBe(204)
    await endedAs(tokens, 'terminated_by_admin')
    expect((await service.client().get('/v1/users/me', other.access_token)).status).toBe(200)
    const { body } = await operator().get(`/v1/users/${id}/sessions`)
    expect((body as { items: { id: string }[] }).items.map((one) => one.id)).toEqual([other.session.id])
  })

  test('an operator can end a session only under the id of its own user', async () => {
    const { id, tokens } = await signedIn()
    const another = await service.client().register()
    const { id: sid } = tokens.session
    const noIds = [randomUUID(), sid.toUpperCase(), 'current', '1', '%00', 'x'.repeat(300)]
    for (const wrong of noIds)
      expectProblem(await operator().delete(`/v1/users/${id}/sessions/${wrong}`), 'session_not_found')
    expectProblem(await operator().delete(`/v1/users/${another.id}/sessions/${sid}`), 'session_not_found')
    for (const nobody of ['999999999', '0', 'me'])
      expectProblem(await operator().delete(`/v1/users/${nobody}/sessions/${sid}`), 'user_not_found')
    expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
  })

  test('disabling a user needs a reason that is valid text', async () => {
    const { id, tokens } = await signedIn()
    expectRefusedFields(await operator().post(`/v1/users/${id}/disable`), { body: 'required' })
    expectRefusedFields(await operator().post(`/v1/users/${id}/disable`, {}), { reason: 'required' })
    const wrong = [null, 7, [], {}, true]
    for (const reason of wrong) expectRefusedFields(await disable(id, reason), { reason: 'invalid_type' })
    expectRefusedFields(await disable(id, ''), { reason: 'too_short' })
    expectRefusedFields(await disable(id, 'x'.repeat(501)), { reason: 'too_long' })
    expectRefusedFields(await disable(id, 'nul \u0000'), { reason: 'invalid_characters' })
    expectRefusedFields(await disable(id, 'half \ud83d an emoji'), { reason: 'invalid_characters' })
    expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
  })

  test.each(['0', '-1', '999999999', '9007199254740993', '1e3', 'me', '%00', '1%2f2', 'x'.repeat(300)])(
    'moderating the unknown user %s is 404',
    async (id) => {
      expectProblem(await disable(id), 'user_not_found')
      expectProblem(await enable(id), 'user_not_found')
      expectProblem(await operator().get(`/v1/users/${id}/sessions`), 'user_not_found')
      expectProblem(await operator().delete(`/v1/users/${id}/sessions`), 'user_not_found')
    },
  )

  test('enabling a user accepts an empty JSON body and refuses a field or any other type', async () => {
    const { id } = await signedIn()
    expect((await operator().post(`/v1/users/${id}/enable`, {})).status).toBe(204)
    expectRefusedFields(await operator().post(`/v1/users/${id}/enable`, { id: 1 }), { id: 'unknown_field' })
    const empty = { headers: { 'content-type': 'application/json' } }
    expect((await operator().request('POST', `/v1/users/${id}/enable`, empty)).status).toBe(204)
    const text = { headers: { 'content-type': 'text/plain' }, body: 'x' }
    expectProblem(await operator().request('POST', `/v1/users/${id}/enable`, text), 'unsupported_media_type')
  })

  describe('the service key', () => {
    const routes = [
      ['POST', '/v1/users/1/disable'],
      ['POST', '/v1/users/1/enable'],
      ['GET', '/v1/users/1/sessions'],
      ['DELETE', '/v1/users/1/sessions'],
      ['DELETE', '/v1/users/1/sessions/0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'],
      ['GET', '/v1/keys'],
      ['POST', '/v1/keys/rotate'],
      ['GET', '/v1/doctor'],
    ] as const

    test.each(routes)(
      '%s %s checks the service key before anything else',
      { tags: ['HTTP-17'] },
      async (method, path) => {
        const { access_token: accessToken } = (await signedIn()).tokens
        const key = service.serviceKey
        const wrong = [
          'wrong',
          key.slice(0, -1),
          `${key}x`,
          key.toUpperCase(),
          `${key},${OTHER_KEY}`,
          accessToken,
          'a'.repeat(8000),
        ]
        const anybody = new TestClient(service.internalUrl)
        expectProblem(await anybody.request(method, path), 'invalid_service_key')
        for (const token of wrong)
          expectProblem(await anybody.request(method, path, { token }), 'invalid_service_key')
        for (const authorization of [
          key,
          `Basic ${key}`,
          `Bearer`,
          'Bearer ',
          `Bearer${key}`,
          `Bearer "${key}"`,
          `Bearer ${key} ${key}`,
        ]) {
          expectProblem(
            await anybody.request(method, path, { headers: { authorization } }),
            'invalid_service_key',
          )
        }
        expectProblem(
          await anybody.request(method, `${path}?key=${key}`, { headers: { 'x-api-key': key, cookie: key } }),
          'invalid_service_key',
        )
        if (method === 'POST')
          expectProblem(await anybody.request(method, path, { body: '{"not json' }), 'invalid_service_key')
      },
    )

    test('any configured service key is accepted, with the scheme in any case', async () => {
      for (const authorization of [
        `Bearer ${service.serviceKey}`,
        `bearer ${OTHER_KEY}`,
        `BEARER  ${OTHER_KEY}`,
      ]) {
        const response = await new TestClient(service.internalUrl).request('GET', '/v1/users/1/sessions', {
          headers: { authorization },
        })
        expect(response.status).toBe(200)
      }
    })

    test('the public listener has no moderation routes and accepts no service key', async () => {
      const { id, tokens } = await signedIn()
      const guest = service.client()
      expectProblem(await guest.get('/v1/users/me', service.serviceKey), 'invalid_access_token')
      for (const [method, path] of [
        ['POST', 'disable'],
        ['POST', 'enable'],
        ['GET', 'sessions'],
        ['DELETE', 'sessions'],
      ] as const) {
        const response = await guest.request(method, `/v1/users/${id}/${path}`, { token: service.serviceKey })
        expectProblem(response, 'not_found')
      }
      expect((await guest.get('/v1/users/me', tokens.access_token)).status).toBe(200)
    })

    test('the internal listener serves no public routes', async () => {
      for (const path of [
        '/v1/sessions/current',
        '/v1/sessions/refresh',
        '/v1/users/me/password',
        '/v1/users/me/export',
      ]) {
        expectProblem(await operator().get(path), 'not_found')
      }
    })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiResponse, Tokens } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  type TestService,
  withoutMail,
} from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
  TOKENS,
} from '../../../support/http-expectations.ts'

describe.each(databaseNames)('refreshing, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, {
      ...withoutMail,
      SESSION_IDLE_TTL: '10h',
      SESSION_TTL: '24h',
    })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const refresh = (token: string) => service.client().refresh(token)
  const signIn = async () => service.client().signIn(await service.client().register())
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> => {
    const { status, body } = await refresh(token)
    expect(status).toBe(200)
    return body as Tokens
  }
  /** Confirms to the service that the client has the tokens of the last refresh. */
  const use = async ({ access_token: token }: Tokens) => {
    expect((await service.client().get('/v1/users/me', token)).status).toBe(200)
    await service.service.receipts.flush()
  }
  const rows = async ({ session }: Tokens) => {
    const { db } = service.service
    const events = await db.selectFrom('outbox').selectAll().orderBy('id').execute()
    return {
      session: await db
        .selectFrom('sessions')
        .selectAll()
        .where('id', '=', session.id)
        .executeTakeFirstOrThrow(),
      revocations: await db
        .selectFrom('revocations')
        .selectAll()
        .where('session_id', '=', session.id)
        .execute(),
      events: events.filter(({ data }) => (data as { session_id?: string }).session_id === session.id),
    }
  }

  test(
    'a list of sessions shows where a session was signed in and where it was refreshed last',
    { tags: ['SESSION-20'] },
    async () => {
      const first = await signIn()
      const body = { refresh_token: first.refresh_token }
      const headers = { 'user-agent': 'Other/2.0' }
      const response = await service
        .client('2001:db8::9')
        .request('POST', '/v1/sessions/refresh', { body, headers })
      const { access_token: token, session } = response.body as Tokens
      const { user_agent, ip } = first.session as { user_agent?: string; ip?: string }
      const places = { user_agent, ip, last_user_agent: 'Other/2.0', last_ip: '2001:db8::9' }
      expect(session).toMatchObject(places)
      const own = await service.client().get('/v1/sessions', token)
      expect(own.body).toMatchObject({ items: [places] })
      const { user_id } = (await rows(first)).session
      expect((await service.operator().get(`/v1/users/${user_id}/sessions`)).body).toMatchObject({
        items: [places],
      })
    },
  )

  test('a refresh returns the next pair of tokens for the same session', async () => {
    const first = await signIn()
    const response = await refresh(first.refresh_token)
    expect(response.status).toBe(200)
    const refreshExpiresIn = 10 * 3600
    expect(response.body).toEqual({
      ...TOKENS,
      refresh_expires_in: refreshExpiresIn,
      session: { ...TOKENS.session, id: first.session.id },
    })
    expectPrivate(response)
    const next = response.body as Tokens
    expect(next.refresh_token).not.toBe(first.refresh_token)
    expect(next.access_token).not.toBe(first.access_token)
    await use(next)
  })

  test('a spent token gets the same successor within the window, even if that was used', async () => {
    const first = await signIn()
    const next = await refreshed(first)
    await use(next)
    service.clock.advance({ seconds: 20 })
    const again = await refreshed(first)
    expect(again.refresh_token).toBe(next.refresh_token)
    expect(again.access_token).not.toBe(next.access_token)
    expect((await rows(first)).session.generation).toBe(1)
  })

  test('a repeated refresh does not extend the window', async () => {
    const first = await signIn()
    await use(await refreshed(first))
    service.clock.advance({ seconds: 20 })
    await refreshed(first)
    service.clock.advance({ seconds: 20 })
    expectProblem(await refresh(first.refresh_token), 'refresh_token_reused')
  })

  test('ten parallel refreshes get the same successor', async () => {
    const first = await signIn()
    const responses = await Promise.all(Array.from({ length: 10 }, () => refresh(first.refresh_token)))
    expect(responses.map(({ status }) => status)).toEqual(Array<number>(10).fill(200))
    expect(new Set(responses.map(({ body }) => (body as Tokens).refresh_token)).size).toBe(1)
    expect((await rows(first)).session.generation).toBe(1)
  })

  test('a lost response is repeated hours later if its tokens were not used', async () => {
    const first = await signIn()
    const lost = await refreshed(first)
    service.clock.advance({ hours: 9 })
    expect((await refreshed(first)).refresh_token).toBe(lost.refresh_token)
  })

  test('a spent token is a replay hours later if its successor was used', async () => {
    const first = await signIn()
    const next = await refreshed(first)
    await use(next)
    service.clock.advance({ hours: 2 })
    expectProblem(await refresh(first.refresh_token), 'refresh_token_reused')
    expectEnded(await refresh(next.refresh_token), 'refresh_token_reused')
  })

  test('using an older access token does not confirm the newer refresh token', async () => {
    const first = await signIn()
    const lost = await refreshed(first)
    await use(first)
    service.clock.advance({ hours: 2 })
    expect((await refreshed(first)).refresh_token).toBe(lost.refresh_token)
  })

  describe('a replay', () => {
    const replayed = async (): Promise<{ first: Tokens; last: Tokens; response: ApiResponse }> => {
      const first = await signIn()
      const last = await refreshed(await refreshed(first))
      return { first, last, response: await refresh(first.refresh_token) }
    }

    test(
      'a replay of an older token is refused immediately and ends the session',
      { tags: ['ACCOUNT-7'] },
      async () => {
        const { first, last, response } = await replayed()
        expectProblem(response, 'refresh_token_reused')
        expectEnded(await refresh(last.refresh_token), 'refresh_token_reused')
        expectEnded(await refresh(first.refresh_token), 'refresh_token_reused')
        expectEnded(await service.client().get('/v1/users/me', last.access_token), 'refresh_token_reused')
      },
    )

    test('a replay writes one session end, one revocation and one security event', async () => {
      const { first } = await replayed()
      await refresh(first.refresh_token)
      const { session, revocations, events } = await rows(first)
      expect(session).toMatchObject({
        end_reason: 'refresh_token_reused',
        ended_at: expect.any(Date) as Date,
      })
      expect(revocations).toEqual([
        expect.objectContaining({ user_id: session.user_id, reason: 'refresh_token_reused' }),
      ])
      expect(+(revocations[0]?.expires_at ?? 0)).toBe(+(session.ended_at ?? 0) + 660_000)
      expect(events.map(({ type }) => type)).toEqual([
        'session.created',
        'session.refresh_token_reused',
        'session.ended',
      ])
      expect(events[1]?.data).toMatchObject({ presented_generation: 0, generation: 2 })
      expect(events[2]?.data).toMatchObject({ reason: 'refresh_token_reused' })
    })

    test('a replay ends only its own session', async () => {
      const person = await service.client().register()
      const [stolen, other] = [await service.client().signIn(person), await service.client().signIn(person)]
      await refreshed(await refreshed(stolen))
      await refresh(stolen.refresh_token)
      await use(await refreshed(other))
    })

    test('parallel replays of one token write one revocation and one event', async () => {
      const first = await signIn()
      await refreshed(await refreshed(first))
      const responses = await Promise.all(Array.from({ length: 6 }, () => refresh(first.refresh_token)))
      expect(responses.map(({ status }) => status)).toEqual(Array<number>(6).fill(401))
      const { revocations, events } = await rows(first)
      expect(revocations).toHaveLength(1)
      expect(events.map(({ type }) => type)).toEqual([
        'session.created',
        'session.refresh_token_reused',
        'session.ended',
      ])
    })
  })

  describe('session and token lifetimes', () => {
    test('a session that is not refreshed for the idle limit expires', { tags: ['SESSION-10'] }, async () => {
      const tokens = await signIn()
      service.clock.advance({ hours: 10, seconds: 1 })
      expectEnded(await refresh(tokens.refresh_token), 'expired')
      // An expired session is not a theft, so nothing is revoked.
      expect((await rows(tokens)).revocations).toEqual([])
    })

    test(
      'each refresh extends the idle limit, up to the absolute limit',
      { tags: ['SESSION-10'] },
      async () => {
        let tokens = await signIn()
        for (const refreshExpiresIn of [10, 6]) {
          service.clock.advance({ hours: 9 })
          tokens = await refreshed(tokens)
          expect(tokens).toHaveProperty('refresh_expires_in', refreshExpiresIn * 3600)
        }
        service.clock.advance({ hours: 6 })
        expectEnded(await refresh(tokens.refresh_token), 'expired')
      },
    )

    test('an access token expires no later than its session', async () => {
      const tokens = await signIn()
      service.clock.advance({ hours: 9 })
      const next = await refreshed(tokens)
      service.clock.advance({ hours: 9 })
      const later = await refreshed(next)
      service.clock.advance({ hours: 5, minutes: 55 })
      const last = await refreshed(later)
      expect(last).toMatchObject({
        expires_in: expect.toBeOneOf([299, 300]) as number,
        refresh_expires_in: 300,
      })
      service.clock.advance({ minutes: 5 })
      expectProblem(await service.client().get('/v1/users/me', last.access_token), 'invalid_access_token')
    })

    test('an expired access token does not end its session', async () => {
      const tokens = await signIn()
      service.clock.advance({ minutes: 10 })
      expectProblem(await service.client().get('/v1/users/me', tokens.access_token), 'invalid_access_token')
      await use(await refreshed(tokens))
    })
  })

  describe('an invalid refresh token', () => {
    test('an unknown string as refresh token is refused and changes nothing', async () => {
      const { refresh_token: good, access_token: access } = await signIn()
      const flipped = (good.startsWith('A') ? 'B' : 'A') + good.slice(1)
      const lastFlipped = good.slice(0, -1) + (good.endsWith('A') ? 'B' : 'A')
      const spellings = [`${good}=`, `${good} `, ` ${good}`, `${good}\n`, `${good}\u0000`, good.toLowerCase()]
      const others = [
        '',
        ' ',
        'x',
        'null',
        '{}',
        good.slice(0, -1),
        flipped,
        lastFlipped,
        ...spellings,
        access,
        '\ud800',
        '../etc',
      ]
      for (const token of [...others, 'x'.repeat(4096)])
        expectProblem(await refresh(token), 'invalid_refresh_token')
      expect((await refresh(good)).status).toBe(200)
    })

    test(
      'a refresh token that is not a string or is longer than 4 KiB is 422',
      { tags: ['TOKEN-9'] },
      async () => {
        for (const token of [null, 5, true, [], {}, ['x']]) {
          const response = await service.client().post('/v1/sessions/refresh', { refresh_token: token })
          expectRefusedFields(response, { refresh_token: 'invalid_type' })
        }
        expectRefusedFields(await service.client().post('/v1/sessions/refresh', {}), {
          refresh_token: 'required',
        })
        expectRefusedFields(await refresh('x'.repeat(4097)), { refresh_token: 'too_long' })
      },
    )

    test('a refresh token is not accepted as an access token', async () => {
      const { refresh_token: token } = await signIn()
      expectProblem(await service.client().get('/v1/users/me', token), 'invalid_access_token')
    })

    test('a refresh token is accepted only in the body', { tags: ['TOKEN-11'] }, async () => {
      const { refresh_token: token } = await signIn()
      const query = `/v1/sessions/refresh?refresh_token=${token}`
      expectRefusedFields(await service.client().post(query, {}), { refresh_token: 'required' })
      const header = {
        headers: { authorization: `Bearer ${token}`, cookie: `refresh_token=${token}` },
        body: {},
      }
      expectRefusedFields(await service.client().request('POST', '/v1/sessions/refresh', header), {
        refresh_token: 'required',
      })
      expect((await refresh(token)).status).toBe(200)
    })
  })
})

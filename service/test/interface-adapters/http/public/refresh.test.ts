import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer, Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectEnded, expectPrivate, expectProblem, expectRefusedFields, TOKENS } from './expectations.ts'

describe.each(databaseNames)('refreshing, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { SESSION_IDLE_TTL: '10h', SESSION_TTL: '24h' })
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
  /** Shows the service that somebody has what the last refresh handed out. */
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

  test('answers 200 with the next pair for the same session', async () => {
    const first = await signIn()
    const answer = await refresh(first.refresh_token)
    expect(answer.status).toBe(200)
    const refreshExpiresIn = 10 * 3600
    expect(answer.body).toEqual({
      ...TOKENS,
      refresh_expires_in: refreshExpiresIn,
      session: { ...TOKENS.session, id: first.session.id },
    })
    expectPrivate(answer)
    const next = answer.body as Tokens
    expect(next.refresh_token).not.toBe(first.refresh_token)
    expect(next.access_token).not.toBe(first.access_token)
    await use(next)
  })

  test('the token just spent is answered with the same successor again, within the window even when that was used', async () => {
    const first = await signIn()
    const next = await refreshed(first)
    await use(next)
    service.clock.advance({ seconds: 20 })
    const again = await refreshed(first)
    expect(again.refresh_token).toBe(next.refresh_token)
    expect(again.access_token).not.toBe(next.access_token)
    expect((await rows(first)).session.generation).toBe(1)
  })

  test('answering again does not extend the window', async () => {
    const first = await signIn()
    await use(await refreshed(first))
    service.clock.advance({ seconds: 20 })
    await refreshed(first)
    service.clock.advance({ seconds: 20 })
    expectProblem(await refresh(first.refresh_token), 'refresh_token_reused')
  })

  test('ten at once leave one successor', async () => {
    const first = await signIn()
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(first.refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(200))
    expect(new Set(answers.map(({ body }) => (body as Tokens).refresh_token)).size).toBe(1)
    expect((await rows(first)).session.generation).toBe(1)
  })

  test('a lost answer is given again hours later when nobody used it', async () => {
    const first = await signIn()
    const lost = await refreshed(first)
    service.clock.advance({ hours: 9 })
    expect((await refreshed(first)).refresh_token).toBe(lost.refresh_token)
  })

  test('once its successor was used, a spent token that comes back hours later is a replay', async () => {
    const first = await signIn()
    const next = await refreshed(first)
    await use(next)
    service.clock.advance({ hours: 2 })
    expectProblem(await refresh(first.refresh_token), 'refresh_token_reused')
    expectEnded(await refresh(next.refresh_token), 'refresh_token_reused')
  })

  test('using the access token before shows nothing about the one after', async () => {
    const first = await signIn()
    const lost = await refreshed(first)
    await use(first)
    service.clock.advance({ hours: 2 })
    expect((await refreshed(first)).refresh_token).toBe(lost.refresh_token)
  })

  describe('a replay', () => {
    const replayed = async (): Promise<{ first: Tokens; last: Tokens; answer: Answer }> => {
      const first = await signIn()
      const last = await refreshed(await refreshed(first))
      return { first, last, answer: await refresh(first.refresh_token) }
    }

    test('of any token before the last is refused at once, and ends the session', async () => {
      const { first, last, answer } = await replayed()
      expectProblem(answer, 'refresh_token_reused')
      expectEnded(await refresh(last.refresh_token), 'refresh_token_reused')
      expectEnded(await refresh(first.refresh_token), 'refresh_token_reused')
      expectEnded(await service.client().get('/v1/users/me', last.access_token), 'refresh_token_reused')
    })

    test('leaves the end, the revocation and the security event, each once', async () => {
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

    test('ends its own session only', async () => {
      const person = await service.client().register()
      const [stolen, other] = [await service.client().signIn(person), await service.client().signIn(person)]
      await refreshed(await refreshed(stolen))
      await refresh(stolen.refresh_token)
      await use(await refreshed(other))
    })

    test('by many at once is one replay', async () => {
      const first = await signIn()
      await refreshed(await refreshed(first))
      const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(first.refresh_token)))
      expect(answers.map(({ status }) => status)).toEqual(Array<number>(6).fill(401))
      const { revocations, events } = await rows(first)
      expect(revocations).toHaveLength(1)
      expect(events.map(({ type }) => type)).toEqual([
        'session.created',
        'session.refresh_token_reused',
        'session.ended',
      ])
    })
  })

  describe('limits', () => {
    test('a session that is not refreshed for the idle limit has run out', async () => {
      const tokens = await signIn()
      service.clock.advance({ hours: 10, seconds: 1 })
      expectEnded(await refresh(tokens.refresh_token), 'expired')
      // It ran out, and that is no theft.
      expect((await rows(tokens)).revocations).toEqual([])
    })

    test('each refresh moves the idle limit on, up to the absolute limit', async () => {
      let tokens = await signIn()
      for (const refreshExpiresIn of [10, 6]) {
        service.clock.advance({ hours: 9 })
        tokens = await refreshed(tokens)
        expect(tokens).toHaveProperty('refresh_expires_in', refreshExpiresIn * 3600)
      }
      service.clock.advance({ hours: 6 })
      expectEnded(await refresh(tokens.refresh_token), 'expired')
    })

    test('no access token outlives its session', async () => {
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

    test('an access token expires by itself, and its session can be refreshed', async () => {
      const tokens = await signIn()
      service.clock.advance({ minutes: 10 })
      expectProblem(await service.client().get('/v1/users/me', tokens.access_token), 'invalid_access_token')
      await use(await refreshed(tokens))
    })
  })

  describe('what is no token of ours', () => {
    test('any other string is an invalid refresh token, and nothing changes', async () => {
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

    test('anything but a string, and more than 4 KiB, is 422', async () => {
      for (const token of [null, 5, true, [], {}, ['x']]) {
        const answer = await service.client().post('/v1/sessions/refresh', { refresh_token: token })
        expectRefusedFields(answer, { refresh_token: 'invalid_type' })
      }
      expectRefusedFields(await service.client().post('/v1/sessions/refresh', {}), {
        refresh_token: 'required',
      })
      expectRefusedFields(await refresh('x'.repeat(4097)), { refresh_token: 'too_long' })
    })

    test('a refresh token is no access token', async () => {
      const { refresh_token: token } = await signIn()
      expectProblem(await service.client().get('/v1/users/me', token), 'invalid_access_token')
    })

    test('a refresh token counts in the body only', async () => {
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

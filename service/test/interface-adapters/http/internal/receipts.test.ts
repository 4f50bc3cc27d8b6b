import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestClient, type Answer, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectEnded, expectPrivate, expectProblem, expectRefusedFields } from './expectations.ts'

const PATH = '/v1/receipts'

interface Item {
  readonly sid: string
  readonly user_id?: unknown
  readonly gen: unknown
  readonly seen_at: unknown
}

describe.each(databaseNames)('receipts, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const report = (...items: readonly Item[]): Promise<Answer> => service.operator().post(PATH, { items })
  const signedIn = async (): Promise<{ person: Person; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, tokens: await service.client().signIn(person) }
  }
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> => {
    const { status, body } = await service.client().refresh(token)
    expect(status).toBe(200)
    return body as Tokens
  }
  const now = () => service.clock.now().toISOString()
  const item = ({ session }: Tokens, gen: unknown, changes: Partial<Item> = {}): Item => ({
    ...{ sid: session.id, gen, seen_at: now() },
    ...changes,
  })
  const row = ({ session }: Tokens) =>
    service.service.db
      .selectFrom('sessions')
      .select(['generation', 'confirmed_generation', 'last_seen_at'])
      .where('id', '=', session.id)
      .executeTakeFirstOrThrow()

  /** Reports, and waits until it is written: with it goes a receipt of another session that shows when. */
  const reportAndWrite = async (...items: readonly Item[]): Promise<void> => {
    const other = await refreshed((await signedIn()).tokens)
    const answer = await report(...items, item(other, 1))
    expect(answer).toMatchObject({ status: 204, body: undefined })
    await vi.waitFor(async () => {
      await service.service.receipts.flush()
      expect((await row(other)).confirmed_generation).toBe(1)
    })
  }

  test('are answered 204', async () => {
    const answer = await report(item((await signedIn()).tokens, 0))
    expect(answer).toMatchObject({ status: 204, body: undefined })
    expectPrivate(answer)
    expect((await report()).status).toBe(204)
  })

  test('are written later, together', async () => {
    const pairs = await Promise.all([signedIn(), signedIn(), signedIn()])
    const next = await Promise.all(pairs.map(({ tokens }) => refreshed(tokens)))
    await reportAndWrite(...next.map((tokens) => item(tokens, 1)))
    for (const tokens of next) expect(await row(tokens)).toMatchObject({ confirmed_generation: 1 })
  })

  describe('the token before a generation', () => {
    test('is a replay an hour later once the generation was reported', async () => {
      const { tokens } = await signedIn()
      const next = await refreshed(tokens)
      await reportAndWrite(item(next, 1))
      service.clock.advance({ hours: 1 })
      expectProblem(await service.client().refresh(tokens.refresh_token), 'refresh_token_reused')
      expectEnded(await service.client().refresh(next.refresh_token), 'refresh_token_reused')
    })

    test('is answered with the same successor an hour later when nobody reported it', async () => {
      const { tokens } = await signedIn()
      const lost = await refreshed(tokens)
      await reportAndWrite(item(tokens, 0))
      service.clock.advance({ hours: 1 })
      expect((await refreshed(tokens)).refresh_token).toBe(lost.refresh_token)
      expect((await row(tokens)).generation).toBe(1)
    })

    test('is answered within the window, reported or not', async () => {
      const { tokens } = await signedIn()
      const next = await refreshed(tokens)
      await reportAndWrite(item(next, 1))
      service.clock.advance({ seconds: 30 })
      expect((await refreshed(tokens)).refresh_token).toBe(next.refresh_token)
    })
  })

  test.each(['with its user', 'without', 'with its id in capital letters'])(
    'a session is known %s',
    async (how) => {
      const { person, tokens } = await signedIn()
      const changes: Partial<Item> = {
        ...(how === 'with its user' && { user_id: person.id }),
        ...(how.includes('capital') && { sid: tokens.session.id.toUpperCase() }),
      }
      await refreshed(tokens)
      await reportAndWrite(item(tokens, 1, changes))
      expect((await row(tokens)).confirmed_generation).toBe(1)
    },
  )

  test('a session under the number of somebody else, or of nobody, is left alone', async () => {
    const [{ tokens }, { person: other }] = [await signedIn(), await signedIn()]
    await refreshed(tokens)
    const before = await row(tokens)
    service.clock.advance({ minutes: 1 })
    for (const user_id of [other.id, 999_999_999, Number.MAX_SAFE_INTEGER])
      await reportAndWrite(item(tokens, 1, { user_id }))
    expect(await row(tokens)).toEqual(before)
  })

  test('sessions that are unknown change nothing', async () => {
    const { person, tokens } = await signedIn()
    await refreshed(tokens)
    const before = await row(tokens)
    await reportAndWrite(
      item(tokens, 1, { sid: randomUUID() }),
      item(tokens, 1, { sid: randomUUID(), user_id: person.id }),
      item(tokens, 1, { sid: '00000000-0000-0000-0000-000000000000' }),
      item(tokens, 1, { sid: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }),
    )
    expect(await row(tokens)).toEqual(before)
  })

  test('an ended session stays as it was', async () => {
    const { tokens } = await signedIn()
    await refreshed(tokens)
    await service.client().delete('/v1/sessions/current', tokens.access_token)
    const before = await row(tokens)
    service.clock.advance({ minutes: 1 })
    await reportAndWrite(item(tokens, 1))
    expect(await row(tokens)).toEqual(before)
    expectEnded(await service.client().refresh(tokens.refresh_token), 'signed_out')
  })

  test.each([2, 3, 2 ** 31 - 1])('a generation ahead of the session, %d, counts as its own', async (gen) => {
    const { tokens } = await signedIn()
    const next = await refreshed(tokens)
    await reportAndWrite(item(next, gen))
    expect(await row(tokens)).toMatchObject({ generation: 1, confirmed_generation: 1 })
    // What the next refresh hands out was seen by nobody.
    const lost = await refreshed(next)
    service.clock.advance({ hours: 1 })
    expect((await refreshed(next)).refresh_token).toBe(lost.refresh_token)
  })

  test('of several of one session the newest counts, in whatever order they come', async () => {
    const { tokens } = await signedIn()
    let last = tokens
    for (let time = 0; time < 3; time += 1) last = await refreshed(last)
    await reportAndWrite(item(tokens, 1), item(tokens, 3), item(tokens, 2))
    expect((await row(tokens)).confirmed_generation).toBe(3)
    await reportAndWrite(item(tokens, 0))
    expect((await row(tokens)).confirmed_generation).toBe(3)
  })

  describe('last_seen_at', () => {
    const lastSeen = async ({ access_token: token, session }: Tokens): Promise<string | undefined> => {
      const { body } = await service.client().get('/v1/sessions', token)
      const { items } = body as { items: { id: string; last_seen_at: string }[] }
      return items.find(({ id }) => id === session.id)?.last_seen_at
    }

    test('moves to when a session was seen, and not back', async () => {
      const { tokens } = await signedIn()
      service.clock.advance({ minutes: 5 })
      const seen = now()
      service.clock.advance({ minutes: 1 })
      expect(await lastSeen(tokens)).not.toBe(seen)
      await reportAndWrite(item(tokens, 0, { seen_at: seen }))
      expect(await lastSeen(tokens)).toBe(seen)
      const earlier = new Date(Date.parse(seen) - 60_000).toISOString()
      for (const seen_at of [earlier, '1970-01-01T00:00:00Z', '0000-01-01T00:00:00Z'])
        await reportAndWrite(item(tokens, 0, { seen_at }))
      expect(await lastSeen(tokens)).toBe(seen)
    })

    test('is never in the future', async () => {
      const [one, two] = [await signedIn(), await signedIn()]
      service.clock.advance({ minutes: 5 })
      const soon = new Date(+service.clock.now() + 1).toISOString()
      await reportAndWrite(
        item(one.tokens, 0, { seen_at: soon }),
        item(two.tokens, 0, { seen_at: '9999-12-31T23:59:59.999Z' }),
      )
      for (const { tokens } of [one, two]) expect(await lastSeen(tokens)).toBe(now())
    })

    test('may be reported in any time zone, to any precision', async () => {
      const { tokens } = await signedIn()
      service.clock.advance({ minutes: 5 })
      const seen = new Date(+service.clock.now() - 60_000)
      const there = new Date(+seen + 5.5 * 3_600_000).toISOString().replace('Z', '000+05:30')
      await reportAndWrite(item(tokens, 0, { seen_at: there }))
      expect(await lastSeen(tokens)).toBe(seen.toISOString())
    })
  })

  describe('a report', () => {
    test('may hold a thousand, generously spelled', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const others = Array.from({ length: 998 }, () =>
        item(tokens, 2 ** 31 - 1, { sid: randomUUID(), user_id: Number.MAX_SAFE_INTEGER }),
      )
      const last = item(tokens, 1, { seen_at: `${now().slice(0, -1)}000000+00:00` })
      await reportAndWrite(...others, last)
      expect((await row(tokens)).confirmed_generation).toBe(1)
      const spaced = JSON.stringify({ items: [...others, last] }, null, 4)
      expect((await service.operator().post(PATH, spaced)).status).toBe(204)
    })

    test('may hold a thousand without users', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const others = Array.from({ length: 998 }, () => item(tokens, 1, { sid: randomUUID() }))
      await reportAndWrite(...others, item(tokens, 1))
      expect((await row(tokens)).confirmed_generation).toBe(1)
    })

    test('may not hold one more, and changes nothing then', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const items = Array.from({ length: 1001 }, () => item(tokens, 1))
      expectRefusedFields(await report(...items), { items: 'too_long' })
      await reportAndWrite()
      expect((await row(tokens)).confirmed_generation).toBe(0)
    })

    test('is too large past 256 KiB', async () => {
      const answer = await service.operator().post(PATH, { items: [], x: 'x'.repeat(256 * 1024) })
      expectProblem(answer, 'payload_too_large')
    })

    test('is JSON', async () => {
      const form = { body: 'items=', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
      const answer = await service.operator().request('POST', PATH, form)
      expectProblem(answer, 'unsupported_media_type')
    })

    test('needs its items', async () => {
      const post = (body?: unknown) => service.operator().post(PATH, body)
      expectRefusedFields(await post(), { body: 'required' })
      expectRefusedFields(await post({}), { items: 'required' })
      for (const items of [null, 'x', 1, {}])
        expectRefusedFields(await post({ items }), { items: 'invalid_type' })
      for (const each of [null, 'x', 1, []])
        expectRefusedFields(await post({ items: [each] }), { 'items.0': 'invalid_type' })
      expectRefusedFields(await post({ items: [{}] }), {
        ...{ 'items.0.sid': 'required', 'items.0.gen': 'required', 'items.0.seen_at': 'required' },
      })
    })

    test.each([
      ...[-1, -(2 ** 31), 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300].map((gen) => ({ gen })),
      ...[0.5, 1.0000001, '1', null, [1], {}, true, ''].map((gen) => ({ gen })),
      ...[0, -1, 1.5, 2 ** 53, '7', null, [7]].map((user_id) => ({ user_id })),
      ...['', 'x', '1', null, 7, '{0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11}'].map((sid) => ({ sid })),
      ...['', 'now', '2026-01-31', '2026-01-31T12:00:00', '2026-02-30T12:00:00Z', null, 7, [], '1'].map(
        (seen_at) => ({ seen_at }),
      ),
    ])('with %j is refused as a whole, and says where', async (wrong) => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const good = item(tokens, 1)
      const answer = await report(good, { ...good, ...(wrong as object) })
      const { errors } = answer.body as { errors: { field: string }[] }
      expectProblem(answer, 'validation_failed', { errors })
      expect(errors.map(({ field }) => field)).toEqual([`items.1.${Object.keys(wrong)[0] ?? ''}`])
      await service.service.receipts.flush()
      expect((await row(tokens)).confirmed_generation).toBe(0)
    })

    test('needs a service key, and changes nothing without', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const body = { items: [item(tokens, 1)] }
      const anybody = new TestClient(service.internalUrl)
      for (const token of [undefined, 'wrong', tokens.access_token, tokens.refresh_token]) {
        expectProblem(await anybody.request('POST', PATH, { body, token }), 'invalid_service_key')
        expectProblem(await anybody.request('POST', PATH, { body: '{', token }), 'invalid_service_key')
      }
      expectProblem(await service.client().post(PATH, body, service.serviceKey), 'not_found')
      await reportAndWrite()
      expect((await row(tokens)).confirmed_generation).toBe(0)
    })
  })
})

describe.each(databaseNames)('where only the window counts, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { LOST_ANSWER: 'window' })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  test('a spent token is a replay after it, reported or not', async () => {
    const tokens = await service.client().signIn(await service.client().register())
    await service.client().refresh(tokens.refresh_token)
    service.clock.advance({ seconds: 30.001 })
    expectProblem(await service.client().refresh(tokens.refresh_token), 'refresh_token_reused')
  })
})

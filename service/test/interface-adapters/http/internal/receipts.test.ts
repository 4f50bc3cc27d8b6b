import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

const PATH = '/v1/receipts'

interface Item {
  readonly sid: string
  readonly user_id?: unknown
  readonly gen: unknown
  readonly seen_at: unknown
  readonly rcp?: unknown
}

describe.each(databaseNames)('receipts, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
    service.clock.stop()
  })
  afterAll(() => service.stop())

  /** The proofs of all access tokens that were issued here, by session and generation. */
  const proofs = new Map<string, string>()
  const keepProof = (tokens: Tokens): Tokens => {
    const payload = Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString()
    const { sid, gen, rcp } = JSON.parse(payload) as { sid: string; gen: number; rcp: string }
    proofs.set(`${sid} ${gen}`, rcp)
    return tokens
  }
  const proofOf = ({ session }: Tokens, gen: number) => proofs.get(`${session.id} ${gen}`)

  const report = (...items: readonly Item[]): Promise<ApiResponse> => service.operator().post(PATH, { items })
  const signedIn = async (): Promise<{ person: TestUser; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, tokens: keepProof(await service.client().signIn(person)) }
  }
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> => {
    const { status, body } = await service.client().refresh(token)
    expect(status).toBe(200)
    return keepProof(body as Tokens)
  }
  const now = () => service.clock.now().toISOString()
  const item = ({ session }: Tokens, gen: unknown, changes: Partial<Item> = {}): Item => ({
    sid: session.id,
    gen,
    seen_at: now(),
    rcp: proofs.get(`${session.id} ${String(gen)}`),
    ...changes,
  })
  const row = ({ session }: Tokens) =>
    service.service.db
      .selectFrom('sessions')
      .select(['generation', 'confirmed_generation', 'last_seen_at'])
      .where('id', '=', session.id)
      .executeTakeFirstOrThrow()

  /** Reports and waits for the write. The receipt of another session, sent along, shows when it has happened. */
  const reportAndWrite = async (...items: readonly Item[]): Promise<void> => {
    const other = await refreshed((await signedIn()).tokens)
    const response = await report(...items, item(other, 1))
    expect(response).toMatchObject({ status: 204, body: undefined })
    await vi.waitFor(async () => {
      await service.service.receipts.flush()
      expect((await row(other)).confirmed_generation).toBe(1)
    })
  }

  test('reporting receipts is 204', async () => {
    const response = await report(item((await signedIn()).tokens, 0))
    expect(response).toMatchObject({ status: 204, body: undefined })
    expectPrivate(response)
    expect((await report()).status).toBe(204)
  })

  test('receipts of several sessions are written in one later batch', async () => {
    const pairs = await Promise.all([signedIn(), signedIn(), signedIn()])
    const next = await Promise.all(pairs.map(({ tokens }) => refreshed(tokens)))
    await reportAndWrite(...next.map((tokens) => item(tokens, 1)))
    for (const tokens of next) expect(await row(tokens)).toMatchObject({ confirmed_generation: 1 })
  })

  describe('the token before a reported generation', () => {
    test(
      'a spent refresh token is a replay an hour later if its successor was reported',
      { tags: ['SESSION-6'] },
      async () => {
        const { tokens } = await signedIn()
        const next = await refreshed(tokens)
        await reportAndWrite(item(next, 1))
        service.clock.advance({ hours: 1 })
        expectProblem(await service.client().refresh(tokens.refresh_token), 'refresh_token_reused')
        expectEnded(await service.client().refresh(next.refresh_token), 'refresh_token_reused')
      },
    )

    test('a spent refresh token gets the same successor an hour later if nothing was reported', async () => {
      const { tokens } = await signedIn()
      const lost = await refreshed(tokens)
      await reportAndWrite(item(tokens, 0))
      service.clock.advance({ hours: 1 })
      expect((await refreshed(tokens)).refresh_token).toBe(lost.refresh_token)
      expect((await row(tokens)).generation).toBe(1)
    })

    test('a spent refresh token gets the same successor within the window, reported or not', async () => {
      const { tokens } = await signedIn()
      const next = await refreshed(tokens)
      await reportAndWrite(item(next, 1))
      service.clock.advance({ seconds: 30 })
      expect((await refreshed(tokens)).refresh_token).toBe(next.refresh_token)
    })
  })

  test.each(['with its user', 'without its user', 'with its id in capital letters'])(
    'a receipt finds its session %s',
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

  test(
    'a receipt with the id of another or an unknown user changes no session',
    { tags: ['SESSION-6'] },
    async () => {
      const [{ tokens }, { person: other }] = [await signedIn(), await signedIn()]
      await refreshed(tokens)
      const before = await row(tokens)
      service.clock.advance({ minutes: 1 })
      for (const user_id of [other.id, 999_999_999, Number.MAX_SAFE_INTEGER])
        await reportAndWrite(item(tokens, 1, { user_id }))
      expect(await row(tokens)).toEqual(before)
    },
  )

  test('a receipt for an unknown session changes nothing', async () => {
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

  test('a receipt for an ended session changes nothing', async () => {
    const { tokens } = await signedIn()
    await refreshed(tokens)
    await service.client().delete('/v1/sessions/current', tokens.access_token)
    const before = await row(tokens)
    service.clock.advance({ minutes: 1 })
    await reportAndWrite(item(tokens, 1))
    expect(await row(tokens)).toEqual(before)
    expectEnded(await service.client().refresh(tokens.refresh_token), 'signed_out')
  })

  const ignored = async (): Promise<Record<string, number>> => {
    const text = (await service.operator().get('/metrics')).body as string
    const lines = text.matchAll(/^chat_auth_receipts_ignored_total\{cause="(\w+)"\} (\d+)$/gm)
    return Object.fromEntries([...lines].map(([, cause = '', count]) => [cause, Number(count)]))
  }

  test(
    'a service that never saw a token cannot confirm it and sign its user out',
    { tags: ['SESSION-6'] },
    async () => {
      const { tokens } = await signedIn()
      const lost = await refreshed(tokens)
      const { tokens: another } = await signedIn()
      await refreshed(another)
      const before = await ignored()
      await reportAndWrite(item(tokens, 1, { rcp: undefined }))
      const guesses = [proofOf(tokens, 0), proofOf(another, 1), '', 'A'.repeat(16), 'A'.repeat(64)]
      for (const rcp of guesses) await reportAndWrite(item(tokens, 1, { rcp }))
      expect(await row(tokens)).toMatchObject({ generation: 1, confirmed_generation: 0 })
      // The response was lost, so the user comes back with the token before, long after the window.
      service.clock.advance({ hours: 1 })
      expect((await refreshed(tokens)).refresh_token).toBe(lost.refresh_token)
      const after = await ignored()
      expect(after).toEqual({
        ...before,
        no_proof: (before['no_proof'] ?? 0) + 1,
        wrong_proof: (before['wrong_proof'] ?? 0) + guesses.length,
      })
    },
  )

  test('a report without proofs is 204, so a verifier that does not know them goes on', async () => {
    const { tokens } = await signedIn()
    const next = await refreshed(tokens)
    const withoutProof = item(next, 1, { rcp: undefined })
    await reportAndWrite(withoutProof)
    expect((await row(tokens)).confirmed_generation).toBe(0)
    await reportAndWrite(withoutProof, item(next, 1))
    expect((await row(tokens)).confirmed_generation).toBe(1)
  })

  test(
    'a receipt above the generation of a session that was set back is ignored and counted',
    { tags: ['SESSION-6'] },
    async () => {
      const { tokens } = await signedIn()
      const last = await refreshed(await refreshed(await refreshed(tokens)))
      await service.service.db
        .updateTable('sessions')
        .set({ generation: 1 })
        .where('id', '=', tokens.session.id)
        .execute()
      const before = await ignored()
      const stored = await row(tokens)
      await reportAndWrite(item(last, 3))
      expect(await row(tokens)).toEqual(stored)
      expect(await ignored()).toEqual({ ...before, ahead: (before['ahead'] ?? 0) + 1 })
    },
  )

  test('of several receipts of one session the newest counts, in any order', async () => {
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

    test('a receipt moves last_seen_at forward, never back', async () => {
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

    test('a receipt from the future sets last_seen_at to the present', async () => {
      const [one, two] = [await signedIn(), await signedIn()]
      service.clock.advance({ minutes: 5 })
      const soon = new Date(+service.clock.now() + 1).toISOString()
      await reportAndWrite(
        item(one.tokens, 0, { seen_at: soon }),
        item(two.tokens, 0, { seen_at: '9999-12-31T23:59:59.999Z' }),
      )
      for (const { tokens } of [one, two]) expect(await lastSeen(tokens)).toBe(now())
    })

    test('a receipt may give its time in any time zone and to any precision', async () => {
      const { tokens } = await signedIn()
      service.clock.advance({ minutes: 5 })
      const seen = new Date(+service.clock.now() - 60_000)
      const there = new Date(+seen + 5.5 * 3_600_000).toISOString().replace('Z', '000+05:30')
      await reportAndWrite(item(tokens, 0, { seen_at: there }))
      expect(await lastSeen(tokens)).toBe(seen.toISOString())
    })
  })

  describe('a report of receipts', () => {
    test('a report may hold 1,000 receipts in their longest form, with whitespace', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const others = Array.from({ length: 998 }, () =>
        item(tokens, 2 ** 31 - 1, {
          sid: randomUUID(),
          user_id: Number.MAX_SAFE_INTEGER,
          rcp: 'A'.repeat(16),
        }),
      )
      const last = item(tokens, 1, { seen_at: `${now().slice(0, -1)}000000+00:00` })
      await reportAndWrite(...others, last)
      expect((await row(tokens)).confirmed_generation).toBe(1)
      const spaced = JSON.stringify({ items: [...others, last] }, null, 4)
      expect((await service.operator().post(PATH, spaced)).status).toBe(204)
    })

    test('a report may hold 1,000 receipts without user ids', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const others = Array.from({ length: 998 }, () =>
        item(tokens, 1, { sid: randomUUID(), rcp: 'A'.repeat(16) }),
      )
      await reportAndWrite(...others, item(tokens, 1))
      expect((await row(tokens)).confirmed_generation).toBe(1)
    })

    test('a report of 1,001 receipts is refused and changes nothing', async () => {
      const { tokens } = await signedIn()
      await refreshed(tokens)
      const items = Array.from({ length: 1001 }, () => item(tokens, 1))
      expectRefusedFields(await report(...items), { items: 'too_long' })
      await reportAndWrite()
      expect((await row(tokens)).confirmed_generation).toBe(0)
    })

    test('a report of more than 256 KiB is refused', async () => {
      const response = await service.operator().post(PATH, { items: [], x: 'x'.repeat(256 * 1024) })
      expectProblem(response, 'payload_too_large')
    })

    test('a report that is not JSON is refused', async () => {
      const form = { body: 'items=', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
      const response = await service.operator().request('POST', PATH, form)
      expectProblem(response, 'unsupported_media_type')
    })

    test('a report without a valid list of items is refused', async () => {
      const post = (body?: unknown) => service.operator().post(PATH, body)
      expectRefusedFields(await post(), { body: 'required' })
      expectRefusedFields(await post({}), { items: 'required' })
      for (const items of [null, 'x', 1, {}])
        expectRefusedFields(await post({ items }), { items: 'invalid_type' })
      for (const each of [null, 'x', 1, []])
        expectRefusedFields(await post({ items: [each] }), { 'items.0': 'invalid_type' })
      expectRefusedFields(await post({ items: [{}] }), {
        'items.0.sid': 'required',
        'items.0.gen': 'required',
        'items.0.seen_at': 'required',
      })
    })

    test.each([
      ...[-1, -(2 ** 31), 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300].map((gen) => ({ gen })),
      ...[0.5, 1.0000001, '1', null, [1], {}, true, ''].map((gen) => ({ gen })),
      ...[0, -1, 1.5, 2 ** 53, '7', null, [7]].map((user_id) => ({ user_id })),
      ...['', 'x', '1', null, 7, '{0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11}'].map((sid) => ({ sid })),
      ...[null, 7, [], {}, 'x'.repeat(65)].map((rcp) => ({ rcp })),
      ...['', 'now', '2026-01-31', '2026-01-31T12:00:00', '2026-02-30T12:00:00Z', null, 7, [], '1'].map(
        (seen_at) => ({ seen_at }),
      ),
    ])(
      'a report with %j is refused as a whole, and the error names the field',
      { tags: ['TOKEN-10'] },
      async (wrong) => {
        const { tokens } = await signedIn()
        await refreshed(tokens)
        const good = item(tokens, 1)
        const response = await report(good, { ...good, ...(wrong as object) })
        const { errors } = response.body as { errors: { field: string }[] }
        expectProblem(response, 'validation_failed', { errors })
        expect(errors.map(({ field }) => field)).toEqual([`items.1.${Object.keys(wrong)[0] ?? ''}`])
        await service.service.receipts.flush()
        expect((await row(tokens)).confirmed_generation).toBe(0)
      },
    )

    test('a report without a service key is refused and changes nothing', async () => {
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

describe.each(databaseNames)('receipts with LOST_ANSWER=window, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { LOST_ANSWER: 'window' })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  test('with LOST_ANSWER=window, a spent token is a replay after the window', async () => {
    const tokens = await service.client().signIn(await service.client().register())
    await service.client().refresh(tokens.refresh_token)
    service.clock.advance({ seconds: 30.001 })
    expectProblem(await service.client().refresh(tokens.refresh_token), 'refresh_token_reused')
  })
})

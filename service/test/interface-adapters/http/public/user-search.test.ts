import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type TestUser } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  DEFAULT_AVATAR,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

interface Found {
  readonly items: { readonly id: number; readonly username: string }[]
  readonly next_cursor: string | null
}

describe.each(databaseNames)('finding users, on %s', (database) => {
  let service: TestService
  let asker: TestUser
  let token: string

  beforeAll(async () => {
    service = await startTestService(database)
    asker = await service.client().register()
    token = (await service.client().signIn(asker)).access_token
  })
  afterAll(() => service.stop())

  /** A part of a name that no user has so far. */
  const newFragment = () => newUser().username.slice(0, 12)
  const register = (...names: string[]) =>
    Promise.all(names.map((username) => service.client().register({ username })))
  const query = (parameters: Record<string, string | number>) => {
    const all = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    return `/v1/users?${all.join('&')}`
  }
  const search = (parameters: Record<string, string | number>) =>
    service.client().get(query(parameters), token)
  const inspect = (parameters: Record<string, string | number>) => service.operator().get(query(parameters))
  const namesIn = ({ body }: { body: unknown }) => (body as Found).items.map(({ username }) => username)
  const disable = (id: number) => service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
  const remove = async (person: TestUser) => {
    const own = await service.client().signIn(person)
    const body = { current_password: person.password }
    const response = await service
      .client()
      .request('DELETE', '/v1/users/me', { body, token: own.access_token })
    expect(response.status).toBe(204)
  }

  describe('by a part of the username', () => {
    test(
      'a search returns public fields, ordered as exact match, prefix, substring',
      { tags: ['DELETE-6'] },
      async () => {
        const fragment = newFragment()
        const [inside, exact, prefix] = (await register(`xy${fragment}`, fragment, `${fragment}y`)) as [
          ...[TestUser, TestUser, TestUser],
        ]
        const response = await search({ username: fragment })
        expect(response.status).toBe(200)
        expect(response.body).toEqual({
          items: [exact, prefix, inside].map(({ id, username }) => ({
            id,
            username,
            avatar_url: DEFAULT_AVATAR,
          })),
          next_cursor: null,
        })
        expectPrivate(response)
      },
    )

    test('a search returns pages of 20 users', async () => {
      const fragment = newFragment()
      await register(
        ...Array.from({ length: 21 }, (_, number) => `${fragment}_${'abcdefghijklmnopqrstu'[number] ?? ''}`),
      )
      const first = (await search({ username: fragment })).body as Found
      expect(first.items).toHaveLength(20)
      const rest = (await search({ username: fragment, cursor: first.next_cursor ?? '' })).body as Found
      expect([rest.items.length, rest.next_cursor]).toEqual([1, null])
      const read: string[] = []
      let cursor: string | null | undefined
      while (cursor !== null) {
        const page = await search({ username: fragment, limit: 4, ...(cursor !== undefined && { cursor }) })
        expect(page.status).toBe(200)
        read.push(...namesIn(page))
        cursor = (page.body as Found).next_cursor
      }
      expect(read).toEqual([...first.items, ...rest.items].map(({ username }) => username))
    })

    test('a search leaves out the caller and disabled or deleted users', async () => {
      const fragment = newFragment()
      const [banned, gone, here] = (await register(`${fragment}a`, `${fragment}b`, `${fragment}c`)) as [
        ...[TestUser, TestUser, TestUser],
      ]
      await disable(banned.id)
      await remove(gone)
      expect(namesIn(await search({ username: fragment }))).toEqual([here.username])
      expect(namesIn(await search({ username: asker.username }))).toEqual([])
    })

    test('a search ignores case and width, and finds nothing by address or wildcard', async () => {
      const fragment = newFragment()
      const [person] = (await register(`${fragment}_a`)) as [TestUser]
      const wide = fragment.replace(/[a-z]/g, (letter) =>
        String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0),
      )
      for (const username of [fragment.toUpperCase(), wide, ` ${fragment} `, '_A'])
        expect(namesIn(await search({ username }))).toContain(person.username)
      for (const username of [person.email, `${fragment}.`, `${fragment}%`, '%', '\\', "'", '\0', '  ', '@'])
        expect((await search({ username })).body).toEqual({ items: [], next_cursor: null })
    })

    test('a search for users needs an access token', async () => {
      expectProblem(await service.client().get('/v1/users?username=ann'), 'authentication_required')
      expectProblem(await service.client().get('/v1/users?limit=x', 'nonsense'), 'invalid_access_token')
    })
  })

  test.each([
    [{ username: '' }, { username: 'too_short' }],
    [{ username: 'x'.repeat(129) }, { username: 'too_long' }],
    [{ username: 'a', limit: 0 }, { limit: 'invalid_format' }],
    [{ username: 'a', limit: -1 }, { limit: 'invalid_format' }],
    [{ username: 'a', limit: 101 }, { limit: 'invalid_format' }],
    [{ username: 'a', limit: '1.5' }, { limit: 'invalid_type' }],
    [{ username: 'a', limit: 'many' }, { limit: 'invalid_type' }],
    [{ username: 'a', limit: '' }, { limit: 'invalid_format' }],
    [{ username: 'a', cursor: '' }, { cursor: 'invalid_format' }],
    [
      { username: '', limit: 0, cursor: '!' },
      { username: 'too_short', limit: 'invalid_format', cursor: 'invalid_format' },
    ],
  ])('a search with %j is refused, for operators too', async (parameters, fields) => {
    for (const ask of [search, inspect]) expectRefusedFields(await ask(parameters), fields)
  })

  test('a search of a user needs a part of the name', async () => {
    expectRefusedFields(await search({}), { username: 'required' })
  })

  test.each([
    'x',
    '%00',
    'null',
    '[]',
    '["exact"]',
    '["exact","ann",0]',
    '["exact","ann",-1]',
    '["exact","ann",1.5]',
    '["exact","ann","17"]',
    '["exact","ann",9007199254740993]',
    '["worst","ann",17]',
    '["inside",7,17]',
    '["inside","ann",17,18]',
    '{"0":"exact","1":"ann","2":17,"length":3}',
    '["inside","a\\u0000b",17]',
    '["inside","a\\ud800b",17]',
    `["inside","${'x'.repeat(65)}",17]`,
    `["inside","${'x'.repeat(500)}",17]`,
  ])('a cursor that the service did not issue is refused: %s', async (content) => {
    for (const cursor of [Buffer.from(content).toString('base64url'), content]) {
      for (const ask of [search, inspect])
        expectRefusedFields(await ask({ username: 'a', cursor }), {
          cursor: cursor.length > 512 ? 'too_long' : 'invalid_format',
        })
    }
  })

  test(
    'a forged cursor, or one of another search, returns only matches of this search',
    { tags: ['DELETE-6'] },
    async () => {
      const fragment = newFragment()
      const [person] = (await register(`${fragment}a`)) as [TestUser]
      const cursor = (match: string, ending: string, id: number) =>
        Buffer.from(JSON.stringify([match, ending, id])).toString('base64url')
      expect(namesIn(await search({ username: fragment, cursor: cursor('exact', 'zzzz', 1) }))).toEqual([
        person.username,
      ])
      expect(namesIn(await search({ username: fragment, cursor: cursor('prefix', 'zzzz', 1) }))).toEqual([])
      expect(namesIn(await search({ username: fragment, cursor: cursor('prefix', '', 1) }))).toEqual([
        person.username,
      ])
    },
  )

  describe('by their ids', () => {
    const lookup = (ids: unknown) => service.operator().post('/v1/users/lookup', { ids })

    test('a lookup by ids returns existing users once, in the requested order, even if disabled', async () => {
      const [ann, bob, gone] = (await register(
        newUser().username,
        newUser().username,
        newUser().username,
      )) as [...[TestUser, TestUser, TestUser]]
      await disable(bob.id)
      await remove(gone)
      const response = await lookup([bob.id, 999_999, ann.id, gone.id, bob.id])
      expect(response.status).toBe(200)
      expect(response.body).toEqual({
        items: [bob, ann].map(({ id, username }) => ({ id, username, avatar_url: DEFAULT_AVATAR })),
      })
      expectPrivate(response)
    })

    test('a lookup accepts up to 1,000 ids', async () => {
      const ids = Array.from({ length: 1_000 }, (_, number) => Number.MAX_SAFE_INTEGER - number)
      expect(await lookup([...ids.slice(1), asker.id])).toMatchObject({
        status: 200,
        body: { items: [{ id: asker.id }] },
      })
      expectRefusedFields(await lookup([...ids, asker.id]), { ids: 'too_long' })
      expect((await lookup([])).body).toEqual({ items: [] })
    })

    test.each([
      [undefined, { ids: 'required' }],
      [null, { ids: 'invalid_type' }],
      [17, { ids: 'invalid_type' }],
      ['17', { ids: 'invalid_type' }],
      [['17'], { 'ids.0': 'invalid_type' }],
      [[17, null], { 'ids.1': 'invalid_type' }],
      [[1.5], { 'ids.0': 'invalid_type' }],
      [[0], { 'ids.0': 'invalid_format' }],
      [[-1], { 'ids.0': 'invalid_format' }],
      [[2 ** 53], { 'ids.0': 'invalid_format' }],
    ])('a lookup with the ids %j is refused', async (ids, fields) => {
      expectRefusedFields(await lookup(ids), fields)
    })
  })

  describe('as an operator', () => {
    const inspected = (person: TestUser, changes: Record<string, unknown> = {}) => ({
      id: person.id,
      username: person.username,
      email: person.email,
      email_verified: false,
      avatar_url: DEFAULT_AVATAR,
      created_at: expect.stringMatching(/Z$/) as string,
      roles: [],
      factors: [],
      disabled_at: null,
      disabled_until: null,
      disabled_reason: null,
      disabled_public_reason: null,
      live_sessions: 0,
      ...changes,
    })

    test('an operator sees all fields of a user except secrets, even if disabled', async () => {
      const fragment = newFragment()
      const [ann, bob] = (await register(`${fragment}a`, `${fragment}b`)) as [TestUser, TestUser]
      await disable(ann.id)
      await service.client().signIn(bob)
      await service.client().signIn(bob)
      const banned = { disabled_at: expect.stringMatching(/Z$/) as string, disabled_reason: 'Spam' }
      const items = [inspected(ann, banned), inspected(bob, { live_sessions: 2 })]
      const response = await inspect({ username: fragment })
      expect(response.body).toEqual({ items, next_cursor: null })
      expectPrivate(response)
      for (const [number, { id }] of [ann, bob].entries())
        expect((await service.operator().get(`/v1/users/${id}`)).body).toEqual(items[number])
    })

    test('an operator finds a user by the whole e-mail address, in any case', async () => {
      const ann = await service.client().register()
      for (const email of [ann.email, ann.email.toUpperCase()])
        expect((await inspect({ email })).body).toEqual({ items: [inspected(ann)], next_cursor: null })
      for (const email of [ann.email.slice(1), `x${ann.email}`])
        expect((await inspect({ email })).body).toEqual({ items: [], next_cursor: null })
      expectRefusedFields(await inspect({ email: 'example.org' }), { email: 'invalid_format' })
    })

    test('the search of an operator returns pages', async () => {
      const fragment = newFragment()
      await register(`${fragment}a`, `${fragment}b`)
      const { items, next_cursor: cursor } = (await inspect({ username: fragment, limit: 1 })).body as Found
      expect(items).toHaveLength(1)
      expect(namesIn(await inspect({ username: fragment, limit: 1, cursor: cursor ?? '' }))).toEqual([
        `${fragment}b`,
      ])
    })

    test('an operator finds no deleted user and no unknown id', async () => {
      const gone = await service.client().register()
      await remove(gone)
      for (const id of [gone.id, '0', '999999999', '9007199254740993', '1e3', '%00'])
        expectProblem(await service.operator().get(`/v1/users/${id}`), 'user_not_found')
      expect((await inspect({ username: gone.username })).body).toEqual({ items: [], next_cursor: null })
      expect((await inspect({ email: gone.email })).body).toEqual({ items: [], next_cursor: null })
      const operator = () => service.operator()
      expectProblem(await operator().post(`/v1/users/${gone.id}/enable`), 'user_not_found')
      expectProblem(await operator().get(`/v1/users/${gone.id}/sessions`), 'user_not_found')
    })

    const idsIn = ({ body }: { body: unknown }) => (body as Found).items.map(({ id }) => id)

    test('an operator lists the newest users, page by page', { tags: ['ADMIN-5'] }, async () => {
      const [first, gone, second, third] = [
        await service.client().register(),
        await service.client().register(),
        await service.client().register(),
        await service.client().register(),
      ]
      await remove(gone)
      await disable(second.id)
      const response = await inspect({ limit: 2 })
      expectPrivate(response)
      const { items, next_cursor: cursor } = response.body as Found
      expect(items).toEqual([
        inspected(third),
        inspected(second, {
          disabled_at: expect.stringMatching(/Z$/) as string,
          disabled_reason: 'Spam',
        }),
      ])
      const late = await service.client().register()
      const next = await inspect({ limit: 2, cursor: cursor ?? '' })
      expect(idsIn(next)[0]).toBe(first.id)
      expect(idsIn(await inspect({}))[0]).toBe(late.id)
      const last = await inspect({ limit: 100, cursor: Buffer.from('1').toString('base64url') })
      expect(last.body).toEqual({ items: [], next_cursor: null })
    })

    test('an operator lists the disabled users, newest first', { tags: ['ADMIN-5'] }, async () => {
      const [first, second, other] = [
        await service.client().register(),
        await service.client().register(),
        await service.client().register(),
      ]
      for (const { id } of [second, first]) await disable(id)
      const page = (await inspect({ disabled: 'true', limit: 1 })).body as Found
      expect(page.items.map(({ id }) => id)).toEqual([second.id])
      const next = await inspect({ disabled: 'true', cursor: page.next_cursor ?? '' })
      expect(idsIn(next)[0]).toBe(first.id)
      await service.operator().post(`/v1/users/${second.id}/enable`)
      const disabled = idsIn(await inspect({ disabled: 'true' }))
      expect(disabled[0]).toBe(first.id)
      expect(disabled).not.toContain(other.id)
    })

    test.each([
      ['another value of disabled', { disabled: 'false' }, { disabled: 'invalid_format' }],
      ['a name and an address', { username: 'a', email: 'a@example.org' }, { email: 'unknown_field' }],
      ['a name and disabled', { username: 'a', disabled: 'true' }, { disabled: 'unknown_field' }],
      [
        'an address and disabled',
        { email: 'a@example.org', disabled: 'true' },
        { disabled: 'unknown_field' },
      ],
      ['a misspelt filter', { disable: 'true' }, { disable: 'unknown_field' }],
      ['a cursor of the list in a search', { username: 'a', cursor: 'MTc' }, { cursor: 'invalid_format' }],
      [
        'a cursor of a search in the list',
        { cursor: Buffer.from('["prefix","a",17]').toString('base64url') },
        { cursor: 'invalid_format' },
      ],
      [
        'a cursor of a fraction',
        { cursor: Buffer.from('1.5').toString('base64url') },
        { cursor: 'invalid_format' },
      ],
    ])('a list with %s is refused', { tags: ['ADMIN-5'] }, async (_, parameters, fields) => {
      expectRefusedFields(await inspect(parameters), fields)
    })

    test.each([
      ['GET', '/v1/users'],
      ['GET', '/v1/users?username=ann'],
      ['GET', '/v1/users/1'],
      ['POST', '/v1/users/lookup'],
    ])('%s %s needs a service key', async (method, path) => {
      const headers = { authorization: `Bearer ${token}` }
      expectProblem(await service.operator().request(method, path, { headers }), 'invalid_service_key')
    })
  })
})

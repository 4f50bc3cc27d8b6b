import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectPrivate, expectRefusedFields } from '../../../support/http-expectations.ts'
import type { TestUser, Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'

interface Entry {
  readonly id: string
  readonly actor: string | null
  readonly action: string
  readonly ip: string | null
  readonly result: string
  readonly data: Record<string, unknown>
}
interface Page {
  readonly items: readonly Entry[]
  readonly next_cursor: string | null
}

describe.each(databaseNames)('the activity of a user, on %s', (database) => {
  let service: TestService
  let anna: TestUser
  let tokens: Tokens

  beforeAll(async () => {
    service = await startTestService(database)
    anna = await service.client('203.0.113.7').register()
    tokens = await service.client('203.0.113.7').signIn(anna)
  })
  afterAll(() => service.stop())

  const ask = (query = '') => service.client().get(`/v1/users/me/activity${query}`, tokens.access_token)
  const list = async (query = ''): Promise<Page> => {
    const response = await ask(query)
    expect(response.status).toBe(200)
    return response.body as Page
  }

  test('users see sign-ins and refused attempts with their addresses', { tags: ['AUDIT-6'] }, async () => {
    const stranger = service.client('198.51.100.9')
    expect((await stranger.post('/v1/sessions', { username: anna.username, password: 'wrong' })).status).toBe(
      401,
    )
    await service.service.refusals.flush()
    expectPrivate(await ask())
    expect((await list()).items).toMatchObject([
      { actor: null, action: 'sign_in.refused', ip: '198.51.100.9', result: 'invalid_credentials' },
      { actor: 'self', action: 'session.created', ip: '203.0.113.7', result: 'success' },
      { actor: 'self', action: 'user.created', ip: '203.0.113.7', data: { username: anna.username } },
    ])
  })

  test(
    'users see that an operator acted, but not who, and nothing of others',
    { tags: ['AUDIT-6'] },
    async () => {
      const bert = await service.client().register()
      await service.operator().put(`/v1/users/${anna.id}/roles`, { roles: ['artist'] })
      await service.operator().put(`/v1/users/${bert.id}/roles`, { roles: ['poet'] })
      tokens = (await service.client().refresh(tokens.refresh_token)).body as Tokens
      const { items } = await list()
      expect(items[0]).toMatchObject({ actor: 'operator', action: 'user.roles_changed', ip: null })
      expect(JSON.stringify(items)).not.toMatch(/service:|poet/)
    },
  )

  test('pages of the activity repeat and miss nothing', { tags: ['AUDIT-6'] }, async () => {
    const { items: all } = await list()
    const ids: string[] = []
    for (let query = '?limit=1'; query !== '';) {
      const { items, next_cursor: next } = await list(query)
      ids.push(...items.map(({ id }) => id))
      query = next === null ? '' : `?limit=1&cursor=${encodeURIComponent(next)}`
    }
    expect(ids).toEqual(all.map(({ id }) => id))
    expect(ids.length).toBeGreaterThan(3)
  })

  test('a forged cursor and a limit that is too high are refused', async () => {
    expectRefusedFields(await ask('?cursor=nonsense'), { cursor: 'invalid_format' })
    expectRefusedFields(await ask('?limit=101'), { limit: 'invalid_format' })
  })

  test('an export contains the activity', { tags: ['AUDIT-6'] }, async () => {
    const { body } = await service.client().get('/v1/users/me/export', tokens.access_token)
    expect((body as { activity: unknown }).activity).toEqual((await list()).items)
  })
})

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FeedReader } from '../../../support/feed-reader.ts'
import type { TestUser, Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

const readers: FeedReader[] = []
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close()
})

const claimsOf = ({ access_token: token }: Tokens) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    gen: number
    roles: string[]
  }

describe.each(databaseNames)('roles, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  const setRoles = (id: number | string, roles: unknown) =>
    service.operator().put(`/v1/users/${id}/roles`, { roles })
  const signedIn = async (): Promise<{ person: TestUser; id: number; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, id: person.id, tokens: await service.client().signIn(person) }
  }
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> => {
    const { status, body } = await service.client().refresh(token)
    expect(status).toBe(200)
    return body as Tokens
  }
  const rowsOf = ({ session }: Tokens) =>
    service.service.db.selectFrom('revocations').selectAll().where('session_id', '=', session.id).execute()

  test('new roles are in the next access token of a live session and of a new sign-in', async () => {
    const { person, id, tokens } = await signedIn()
    expect(claimsOf(tokens)).toMatchObject({ gen: 0, roles: [] })
    const response = await setRoles(id, ['moderator', 'artist', 'moderator'])
    expect(response).toMatchObject({ status: 204, body: undefined })
    expectPrivate(response)
    const roles = ['artist', 'moderator']
    expect(claimsOf(await refreshed(tokens))).toMatchObject({ gen: 1, roles })
    expect(claimsOf(await service.client().signIn(person))).toMatchObject({ gen: 0, roles })
  })

  test('a removed role is missing from the next access token', async () => {
    const { id, tokens } = await signedIn()
    await setRoles(id, ['moderator'])
    const promoted = await refreshed(tokens)
    expect((await setRoles(id, [])).status).toBe(204)
    expect(claimsOf(await refreshed(promoted)).roles).toEqual([])
  })

  test(
    'a change of roles revokes older tokens on the feed, and a session end is still reported',
    { tags: ['SESSION-8'] },
    async () => {
      const { person, id, tokens } = await signedIn()
      const phone = await refreshed(await service.client().signIn(person))
      const reader = await FeedReader.open(service.internalUrl, service.serviceKey)
      readers.push(reader)
      await reader.until(({ events }) => events.length > 0)
      await setRoles(id, ['moderator'])
      await service.client().delete('/v1/sessions/current', tokens.access_token)
      const theirs = () => reader.rows.filter((row) => row['user_id'] === id)
      await reader.until(() => theirs().length === 3)
      const any = { seq: expect.any(Number) as number, user_id: id, expires_at: expect.any(String) as string }
      const outdated = { ...any, reason: 'roles_changed' }
      expect(theirs().slice(0, 2)).toEqual(
        expect.arrayContaining([
          { ...outdated, sid: tokens.session.id, up_to_generation: 0 },
          { ...outdated, sid: phone.session.id, up_to_generation: 1 },
        ]),
      )
      expect(theirs()[2]).toEqual({ ...any, sid: tokens.session.id, reason: 'signed_out' })
      const { body } = await service.operator().get('/v1/revocations')
      expect((body as { revocations: unknown[] }).revocations).toEqual(expect.arrayContaining(theirs()))
    },
  )

  test('setting the same roles again writes no revocation', async () => {
    const { id, tokens } = await signedIn()
    await setRoles(id, ['a', 'b'])
    expect((await setRoles(id, ['b', 'a'])).status).toBe(204)
    expect(await rowsOf(tokens)).toHaveLength(1)
  })

  test('the service accepts a token from before a change of roles and returns the new roles', async () => {
    const { id, tokens } = await signedIn()
    await setRoles(id, ['moderator'])
    expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
    const introspected = await service.operator().post('/v1/introspect', { token: tokens.access_token })
    expect(introspected.body).toMatchObject({ active: true, gen: 0, roles: ['moderator'] })
    const { body } = await service.client().request('POST', '/v1/tickets', { token: tokens.access_token })
    const { ticket } = body as { ticket: string }
    const redeemed = await service.operator().post('/v1/tickets/redeem', { ticket })
    expect(redeemed.body).toMatchObject({ gen: 0, roles: ['moderator'] })
  })

  test('a change of roles between a lost response and its retry does not end the session', async () => {
    const { id, tokens } = await signedIn()
    const lost = await refreshed(tokens)
    await setRoles(id, ['moderator'])
    const again = await refreshed(tokens)
    expect(again.refresh_token).toBe(lost.refresh_token)
    expect(claimsOf(again)).toMatchObject({ gen: 1, roles: ['moderator'] })
    expect(await rowsOf(tokens)).toMatchObject([{ up_to_generation: 1 }])
    expect(claimsOf(await refreshed(again))).toMatchObject({ gen: 2, roles: ['moderator'] })
  })

  test('roles set while a user is disabled apply to the next sign-in after enabling', async () => {
    const { person, id, tokens } = await signedIn()
    await service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
    expect((await setRoles(id, ['moderator'])).status).toBe(204)
    expectEnded(await service.client().refresh(tokens.refresh_token), 'user_disabled')
    expect(await rowsOf(tokens)).toMatchObject([{ reason: 'user_disabled', up_to_generation: null }])
    await service.operator().post(`/v1/users/${id}/enable`)
    expect(claimsOf(await service.client().signIn(person)).roles).toEqual(['moderator'])
  })

  test('roles must be a list of at most 16 valid role names', { tags: ['SESSION-9'] }, async () => {
    const { id, tokens } = await signedIn()
    const some = (count: number) => Array.from({ length: count }, (_, at) => `role-${at}`)
    expectRefusedFields(await service.operator().put(`/v1/users/${id}/roles`, undefined), {
      body: 'required',
    })
    expectRefusedFields(await service.operator().put(`/v1/users/${id}/roles`, {}), { roles: 'required' })
    for (const wrong of [null, 'moderator', 7, {}])
      expectRefusedFields(await setRoles(id, wrong), { roles: 'invalid_type' })
    expectRefusedFields(await setRoles(id, ['moderator', 7]), { 'roles.1': 'invalid_type' })
    expectRefusedFields(await setRoles(id, some(17)), { roles: 'too_long' })
    expectRefusedFields(await setRoles(id, some(65)), { roles: 'too_long' })
    for (const wrong of ['', 'Moderator', '1st', 'a b', 'nul\u0000', 'ä', 'x'.repeat(33)])
      expectRefusedFields(await setRoles(id, [wrong]), { roles: 'invalid_characters' })
    expect(await rowsOf(tokens)).toEqual([])
  })

  test('a token with 16 roles of maximum length is under 2 KiB and is accepted', async () => {
    const { id, tokens } = await signedIn()
    const roles = Array.from({ length: 16 }, (_, at) => `r${String(at).padStart(2, '0')}`.padEnd(32, 'x'))
    expect((await setRoles(id, roles)).status).toBe(204)
    const next = await refreshed(tokens)
    expect(next.access_token.length).toBeLessThan(2048)
    expect((await service.client().get('/v1/users/me', next.access_token)).status).toBe(200)
  })

  test.each(['0', '-1', '999999999', 'me', '%00', 'x'.repeat(300)])(
    'setting the roles of an unknown user is 404: %s',
    async (id) => {
      expectProblem(await setRoles(id, ['moderator']), 'user_not_found')
    },
  )

  test('only an operator may set roles', { tags: ['SESSION-9'] }, async () => {
    const { id, tokens } = await signedIn()
    const path = `/v1/users/${id}/roles`
    expect((await service.client().put(path, { roles: ['moderator'] }, tokens.access_token)).status).toBe(404)
    const refused = service.operator().put(path, { roles: ['moderator'] }, 'not-a-service-key-of-the-tests')
    expectProblem(await refused, 'invalid_service_key')
    expect(claimsOf(await refreshed(tokens)).roles).toEqual([])
  })
})

import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removeReleasedNames } from '../../../../src/infrastructure/postgres/clean-up.ts'
import { newUser, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  DEFAULT_AVATAR,
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

describe.each(databaseNames)('deleting the account, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  const signedIn = async (wanted: Partial<TestUser> = {}): Promise<{ person: TestUser; tokens: Tokens }> => {
    const person = await service.client().register(wanted)
    return { person, tokens: await service.client().signIn(person) }
  }
  const remove = ({ access_token: token }: Tokens, password: unknown): Promise<ApiResponse> =>
    service.client().request('DELETE', '/v1/users/me', { body: { current_password: password }, token })
  const signIn = (username: string, password: string) =>
    service.client().post('/v1/sessions', { username, password })
  const register = (username: string, email = newUser().email) =>
    service.client().post('/v1/users', { username, email, password: newUser().password })
  const asker = async () => (await signedIn()).tokens.access_token

  test(
    'deleting the account immediately ends every session, token and ticket',
    { tags: ['DELETE-1'] },
    async () => {
      const { person, tokens } = await signedIn()
      const second = await service.client().signIn(person)
      const refreshed = (await service.client().refresh(second.refresh_token)).body as Tokens
      const ticket = async ({ access_token: token }: Tokens) =>
        ((await service.client().post('/v1/tickets', undefined, token)).body as { ticket: string }).ticket
      const tickets = [await ticket(tokens), await ticket(second)]

      const response = await remove(tokens, person.password)
      expect(response).toMatchObject({ status: 204, body: undefined })
      expectPrivate(response)

      for (const { access_token: access, refresh_token: refresh } of [tokens, second, refreshed]) {
        expectEnded(await service.client().get('/v1/users/me', access), 'user_deleted')
        expectEnded(await service.client().refresh(refresh), 'user_deleted')
        for (const token of [access, refresh]) {
          expect((await service.operator().post('/v1/introspect', { token })).body).toEqual({ active: false })
        }
      }
      for (const one of tickets)
        expectProblem(await service.operator().post('/v1/tickets/redeem', { ticket: one }), 'ticket_gone')
      expectEnded(await remove(tokens, person.password), 'user_deleted')
      const { revocations } = (await service.operator().get('/v1/revocations')).body as {
        revocations: { user_id: number; reason: string }[]
      }
      const theirs = revocations.filter(({ user_id: id }) => id === person.id)
      expect(theirs.map(({ reason }) => reason)).toEqual(['user_deleted', 'user_deleted'])
    },
  )

  test(
    'a sign-in to a deleted account gets the response of an unknown name',
    { tags: ['DELETE-2'] },
    async () => {
      const { person, tokens } = await signedIn()
      await remove(tokens, person.password)
      const never = newUser()
      for (const name of [person.username, person.email, `:${person.id}`, never.username, never.email])
        expectProblem(await signIn(name, person.password), 'invalid_credentials')
      expectProblem(await signIn(person.username, ''), 'invalid_credentials')
    },
  )

  test('a deleted user cannot be seen, found, looked up or moderated', { tags: ['DELETE-2'] }, async () => {
    const { person, tokens } = await signedIn()
    const token = await asker()
    await remove(tokens, person.password)
    expectProblem(await service.client().get(`/v1/users/${person.id}`, token), 'user_not_found')
    for (const name of [person.username, person.username.slice(2, 9)]) {
      const found = await service.client().get(`/v1/users?username=${name}`, token)
      expect(found.body).toEqual({ items: [], next_cursor: null })
      const inspected = await service.operator().get(`/v1/users?username=${name}`)
      expect(inspected.body).toEqual({ items: [], next_cursor: null })
    }
    expect((await service.operator().post('/v1/users/lookup', { ids: [person.id] })).body).toEqual({
      items: [],
    })
    const operator = () => service.operator()
    for (const response of [
      await operator().get(`/v1/users/${person.id}`),
      await operator().get(`/v1/users/${person.id}/sessions`),
      await operator().delete(`/v1/users/${person.id}/sessions`),
      await operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' }),
      await operator().post(`/v1/users/${person.id}/enable`),
    ])
      expectProblem(response, 'user_not_found')
  })

  test('deleting the account removes the picture in both sizes', async () => {
    const { person, tokens } = await signedIn()
    const background = { r: person.id % 256, g: 7, b: 200 }
    const bytes = await sharp({ create: { width: 80, height: 80, channels: 3, background } })
      .png()
      .toBuffer()
    const form = new FormData()
    form.append('avatar', new File([new Uint8Array(bytes)], 'me.png', { type: 'image/png' }))
    const { body } = await service.client().putForm('/v1/users/me/avatar', form, tokens.access_token)
    const { pathname } = new URL((body as { avatar_url: string }).avatar_url)
    expect((await fetch(service.url + pathname)).status).toBe(200)
    await remove(tokens, person.password)
    for (const path of [pathname, pathname.replace('-512.', '-128.')])
      expect((await fetch(service.url + path)).status).toBe(404)
  })

  test(
    'a deleted name and its look-alikes stay taken for 90 days; the e-mail address is free',
    { tags: ['DELETE-3'] },
    async () => {
      const base = newUser().username.slice(0, 10)
      const { person, tokens } = await signedIn({ username: `${base}ol` })
      await remove(tokens, person.password)
      const alike = [person.username, person.username.toUpperCase(), `${base}0l`, `${base}o1`, `${base}OI`]
      const freeNames = () => removeReleasedNames(service.service.db, service.clock.now(), 100)
      const expectTaken = async () => {
        for (const name of alike) expectProblem(await register(name), 'username_taken')
        const token = await asker()
        for (const username of alike)
          expectProblem(await service.client().patch('/v1/users/me', { username }, token), 'username_taken')
      }
      await expectTaken()
      const next = await service.client().register({ email: person.email })
      expect(next.id).toBeGreaterThan(person.id)

      service.clock.advance({ days: 89, hours: 23 })
      await service.service.rotateKeys()
      await freeNames()
      await expectTaken()
      service.clock.advance({ hours: 1 })
      expect(await freeNames()).toBeGreaterThan(0)
      const response = await register(alike[2] ?? '')
      expect(response.status).toBe(201)
      expect((response.body as TestUser).id).toBeGreaterThan(next.id)
      expectProblem(await register(person.username), 'username_taken')
    },
  )

  test(
    'deleting the account without the current password is refused and changes nothing',
    { tags: ['DELETE-1'] },
    async () => {
      const { person, tokens } = await signedIn()
      for (const wrong of ['not it', '', person.password.toUpperCase(), '\ud800', '\0'])
        expectRefusedFields(await remove(tokens, wrong), { current_password: 'incorrect' })
      expectRefusedFields(await remove(tokens, 7), { current_password: 'invalid_type' })
      expectRefusedFields(await remove(tokens, 'x'.repeat(1025)), { current_password: 'too_long' })
      const { access_token: token } = tokens
      expectRefusedFields(await service.client().request('DELETE', '/v1/users/me', { body: {}, token }), {
        current_password: 'required',
      })
      expectRefusedFields(await service.client().delete('/v1/users/me', token), { body: 'required' })
      expect((await service.client().get('/v1/users/me', token)).status).toBe(200)
      await service.client().signIn(person)
    },
  )

  test('password guesses when deleting the account are limited', async () => {
    const { person, tokens } = await signedIn()
    service.clock.stop()
    for (let guess = 0; guess < 10; guess += 1)
      expectRefusedFields(await remove(tokens, 'a guess'), { current_password: 'incorrect' })
    expectProblem(await remove(tokens, person.password), 'too_many_attempts')
    service.clock.advance({ seconds: 2 })
    expect((await remove(tokens, person.password)).status).toBe(204)
  })

  test(
    'parallel deletions delete once, and a parallel sign-in leaves no live session',
    { tags: ['DELETE-1'] },
    async () => {
      const { person, tokens } = await signedIn()
      const second = await service.client().signIn(person)
      const racing = Array.from({ length: 4 }, () => signIn(person.username, person.password))
      const deletions = [remove(tokens, person.password), remove(second, person.password)]
      const [signedInMeanwhile, deleted] = await Promise.all([Promise.all(racing), Promise.all(deletions)])
      expect(deleted.map(({ status }) => status).toSorted()).toEqual([204, 401])
      for (const response of signedInMeanwhile) {
        if (response.status !== 201) expectProblem(response, 'invalid_credentials')
        else {
          const { access_token: token } = response.body as Tokens
          expectEnded(await service.client().get('/v1/users/me', token), 'user_deleted')
        }
      }
    },
  )

  test('account deletion and export check the access token before anything else', async () => {
    const client = service.client()
    for (const [method, path] of [
      ['DELETE', '/v1/users/me'],
      ['GET', '/v1/users/me/export'],
    ] as const) {
      expectProblem(await client.request(method, path), 'authentication_required')
      expectProblem(await client.request(method, path, { token: 'nonsense' }), 'invalid_access_token')
    }
    expectProblem(
      await client.request('DELETE', '/v1/users/me', { body: '{"not json' }),
      'authentication_required',
    )
  })

  describe('the export', () => {
    test(
      'the export contains all data about the user and nothing about other users',
      { tags: ['DELETE-5'] },
      async () => {
        const person = await service.client().register()
        const laptop = { device_id: 'the-laptop', device_name: 'Ann’s laptop' }
        const own = await service.client('203.0.113.77').signIn(person, laptop)
        const second = await service.client().signIn(person)
        await service.client().delete(`/v1/sessions/${second.session.id}`, own.access_token)
        await signedIn()
        // The embedded run keeps mail, so its events are delivered. On PostgreSQL nothing receives them here.
        await service.service.outbox.settle()
        const response = await service.client().get('/v1/users/me/export', own.access_token)
        expect(response.status).toBe(200)
        expectPrivate(response)
        const time = expect.stringMatching(/^\d{4}-.*Z$/) as string
        const { id, username, email } = person
        expect(response.body).toEqual({
          user: {
            id,
            username,
            email,
            email_verified: false,
            avatar_url: DEFAULT_AVATAR,
            created_at: time,
            roles: [],
            password: 'kept as an argon2id hash',
          },
          earlier_emails: [],
          factors: { items: [], recovery_codes_left: 0 },
          sessions: [
            expect.objectContaining({ id: second.session.id, ended_at: time, end_reason: 'terminated' }),
            {
              id: own.session.id,
              device_id: 'the-laptop',
              device_name: 'Ann’s laptop',
              ip: '203.0.113.77',
              user_agent: 'node',
              last_user_agent: 'node',
              last_ip: '203.0.113.77',
              created_at: time,
              last_seen_at: time,
              expires_at: time,
              ended_at: null,
              end_reason: null,
            },
          ],
          events:
            database === 'PGlite'
              ? []
              : [
                  { type: 'user.created', occurred_at: time, data: { username } },
                  ...[own, second].map(({ session }) => ({
                    type: 'session.created',
                    occurred_at: time,
                    data: {
                      session_id: session.id,
                      device_name: expect.any(String) as string,
                      is_new_place: expect.any(Boolean) as boolean,
                    },
                  })),
                  {
                    type: 'session.ended',
                    occurred_at: time,
                    data: { session_id: second.session.id, reason: 'terminated' },
                  },
                ],
          activity: [
            { action: 'session.ended', session_id: second.session.id },
            { action: 'session.created', session_id: second.session.id },
            { action: 'session.created', session_id: own.session.id },
            { action: 'user.created', session_id: null },
          ].map((entry) => expect.objectContaining({ ...entry, actor: 'self', result: 'success' }) as object),
        })
        expect(JSON.stringify(response.body)).not.toContain('$argon2')
      },
    )
  })
})

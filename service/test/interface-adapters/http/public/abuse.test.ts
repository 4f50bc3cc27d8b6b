// The rows of the table of abuse that are about signed-in users, over HTTP.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectProblem, expectRefusedFields } from '../../../support/http-expectations.ts'
import { newUser, type ApiResponse, type TestUser } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  withoutMail,
  type TestService,
} from '../../../support/test-service.ts'

describe.each(databaseNames)('limits for signed-in users, on %s', (database) => {
  let service: TestService
  let person: TestUser
  let token: string

  beforeAll(async () => {
    service = await startTestService(database, withoutMail)
    service.clock.stop()
  })
  beforeEach(async () => {
    service.clock.advance({ days: 1 })
    person = await service.client().register()
    token = await signIn()
  })
  afterAll(() => service.stop())

  const signIn = async () => (await service.client().signIn(person)).access_token
  /** For a user whose name has changed. */
  const signInByEmail = async () =>
    (await service.client().signIn({ ...person, username: person.email })).access_token
  const repeat = async (count: number, work: (index: number) => Promise<unknown>) => {
    for (let index = 0; index < count; index += 1) await work(index)
  }

  /** The older routes add members to the problem. */
  const expectCode = ({ body }: ApiResponse, code: string) => expect(body).toMatchObject({ code })

  test(
    'wrong current passwords with a stolen token leave the other sessions their attempts',
    { tags: ['LIMIT-6'] },
    async () => {
      const other = await signIn()
      const change = (current_password: string, by: string) =>
        service
          .client()
          .put('/v1/users/me/password', { current_password, new_password: newUser().password }, by)
      await repeat(10, async () => {
        expectRefusedFields(await change('a wrong guess', token), { current_password: 'incorrect' })
      })
      expectProblem(await change(person.password, token), 'too_many_attempts')
      expect((await change(person.password, other)).status).toBe(200)
    },
  )

  test.each(['/v1/users/me', '/users/update'])(
    'addresses are not probed without limit through PATCH %s',
    { tags: ['LIMIT-7'] },
    async (path) => {
      const { email } = await service.client().register()
      const probe = (current_password: string) =>
        service.client().patch(path, { email, current_password }, token)
      await repeat(5, async () => expectCode(await probe(person.password), 'email_taken'))
      const refused = await probe(person.password)
      expectCode(refused, 'too_many_attempts')
      expect(refused.headers.get('retry-after')).toBe('30')
      // A wrong password shows nothing about the address, and has its own limit.
      await repeat(10, async () => expectCode(await probe('a wrong guess'), 'validation_failed'))
      expectCode(await probe('a wrong guess'), 'too_many_attempts')
    },
  )

  test.each(['/v1/users/me', '/users/update'])(
    'a user changes the name three times in a row through PATCH %s, and then waits for a day',
    { tags: ['LIMIT-13'] },
    async (path) => {
      const rename = (by = token) => service.client().patch(path, { username: newUser().username }, by)
      await repeat(3, async () => expect((await rename()).status).toBe(200))
      const refused = await rename(await signInByEmail())
      expectCode(refused, 'too_many_attempts')
      expect(refused.headers.get('retry-after')).toBe('86400')
      service.clock.advance({ days: 1 })
      expect((await rename(await signInByEmail())).status).toBe(200)
    },
  )

  test('weak new passwords are not tried without limit', { tags: ['LIMIT-8'] }, async () => {
    const attempt = () =>
      service
        .client()
        .put(
          '/v1/users/me/password',
          { current_password: person.password, new_password: 'password123' },
          token,
        )
    await repeat(20, async () => expectRefusedFields(await attempt(), { new_password: 'too_common' }))
    expectProblem(await attempt(), 'too_many_attempts')
  })

  test(
    'a session gets 60 tickets a minute, and only ten of them are live',
    { tags: ['LIMIT-5'] },
    async () => {
      const ask = () => service.client().post('/v1/tickets', undefined, token)
      await repeat(60, async () => expect((await ask()).status).toBe(201))
      const refused = await ask()
      expectProblem(refused, 'too_many_attempts')
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      const { session_id } = await service.service.db
        .selectFrom('tickets')
        .select('session_id')
        .orderBy('issued_at', 'desc')
        .executeTakeFirstOrThrow()
      const rows = service.service.db.selectFrom('tickets').where('session_id', '=', session_id).selectAll()
      expect(await rows.execute()).toHaveLength(10)
      expect((await service.client().post('/v1/tickets', undefined, await signIn())).status).toBe(201)
      service.clock.advance({ seconds: 60 })
      expect((await ask()).status).toBe(201)
    },
  )

  test.each(['/v1/users/me', '/users/me', '/v1/sessions'])(
    'a session gets GET %s 600 times a minute, and other sessions of the user go on',
    { tags: ['LIMIT-14'] },
    async (path) => {
      const read = (by = token) => service.client().get(path, by)
      const statuses = new Set<number>()
      await repeat(600, async () => statuses.add((await read()).status))
      expect([...statuses]).toEqual([200])
      const refused = await read()
      expectCode(refused, 'too_many_attempts')
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await read(await signIn())).status).toBe(200)
      service.clock.advance({ seconds: 60 })
      expect((await read()).status).toBe(200)
    },
  )

  test.each([
    ['searches', '/v1/users?username=zz', 120],
    ['searches on the older route', '/users/search?username=zz', 120],
    ['look-ups', '/v1/users/999999', 600],
  ])(
    'a user is limited in %s, with all sessions together',
    { tags: ['LIMIT-9'] },
    async (_, path, perMinute) => {
      const tokens = [token, await signIn()]
      const statuses = new Set<number>()
      await repeat(perMinute, async (index) => {
        statuses.add((await service.client().get(path, tokens[index % 2])).status)
      })
      expect(statuses).not.toContain(429)
      for (const by of tokens) expectCode(await service.client().get(path, by), 'too_many_attempts')
      const other = await service.client().signIn(await service.client().register())
      expect((await service.client().get(path, other.access_token)).status).not.toBe(429)
      service.clock.advance({ seconds: 60 })
      expect((await service.client().get(path, token)).status).not.toBe(429)
    },
  )
})

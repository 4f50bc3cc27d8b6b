import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { productionPasswordChecks } from '../../../support/password-checks.ts'
import { newUser } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  withoutMail,
  type TestService,
} from '../../../support/test-service.ts'
import {
  DEFAULT_AVATAR,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

describe.each(databaseNames)('signing up, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(
      database,
      { BRAND_NAME: 'Vraxolde', ...withoutMail },
      productionPasswordChecks,
    )
  })
  afterAll(() => service.stop())

  const signUp = (wanted: Record<string, unknown>) => {
    const { username, email, password } = newUser()
    return service.client().post('/v1/users', { username, email, password, ...wanted })
  }

  test('a password made from the brand of the service is refused', { tags: ['SIGN-IN-7'] }, async () => {
    const response = await signUp({ password: 'Vraxolde@2026' })
    expectRefusedFields(response, { password: 'too_common' })
  })

  test('a sign-up returns exactly the own user and its location', async () => {
    const { username, password } = newUser()
    const response = await service
      .client()
      .post('/v1/users', { username, email: `Ann.${username}@Example.ORG`, password })
    expect(response.status).toBe(201)
    expect(response.body).toEqual({
      id: expect.any(Number) as number,
      username,
      email: `Ann.${username}@example.org`,
      email_verified: false,
      avatar_url: DEFAULT_AVATAR,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    })
    expect(response.headers.get('location')).toBe(`/v1/users/${(response.body as { id: number }).id}`)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expectPrivate(response)
  })

  test('the Location of a sign-up leads to the new user', async () => {
    const client = service.client()
    const { username, email, password } = newUser()
    const { headers, body } = await client.post('/v1/users', { username, email, password })
    const { access_token: token } = await client.signIn({ id: 0, username, email, password })
    expect((await client.get(headers.get('location') ?? '', token)).body).toEqual({
      id: (body as { id: number }).id,
      username,
      avatar_url: DEFAULT_AVATAR,
    })
  })

  test('a new user gets a higher id than the users before', async () => {
    const first = await service.client().register()
    const second = await service.client().register()
    expect(second.id).toBeGreaterThan(first.id)
  })

  test('a sign-up ignores fields that a user may not set', { tags: ['HTTP-9'] }, async () => {
    const response = await signUp({
      id: 1,
      user_id: 1,
      roles: ['admin'],
      email_verified: true,
      disabled_at: '2020-01-01T00:00:00Z',
      password_hash: 'x',
      passwordHash: 'x',
      created_at: '2001-01-01T00:00:00Z',
      avatar_url: 'https://evil.example/',
    })
    expect(response.status).toBe(201)
    const { id } = response.body as { id: number }
    expect(response.body).toMatchObject({
      email_verified: false,
      avatar_url: expect.stringContaining('localhost') as string,
    })
    const row = await service.service.db
      .selectFrom('users')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({ roles: [], disabled_at: null, email_verified: false })
    expect(row.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(row.created_at.getFullYear()).toBeGreaterThan(2020)
  })

  test(
    'a sign-up with a taken name or its look-alike is 409, in any case',
    { tags: ['SESSION-13'] },
    async () => {
      const { username, email } = await service
        .client()
        .register({ username: `paul-${newUser().username.slice(0, 12)}` })
      for (const taken of [
        username,
        username.toUpperCase(),
        username.replace('l', '1'),
        username.replace('l', 'I'),
      ]) {
        expectProblem(await signUp({ username: taken }), 'username_taken')
      }
      // The name is checked first, so the response does not show whether the address is taken.
      expectProblem(await signUp({ username, email }), 'username_taken')
    },
  )

  test('a sign-up with a taken e-mail address is 409, in any case', async () => {
    const { email } = await service.client().register()
    expectProblem(await signUp({ email }), 'email_taken')
    expectProblem(await signUp({ email: email.toUpperCase() }), 'email_taken')
  })

  test('of parallel sign-ups with one name exactly one succeeds', async () => {
    const { username } = newUser()
    const responses = await Promise.all(Array.from({ length: 8 }, () => signUp({ username })))
    expect(responses.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(7).fill(409)])
  })

  test('a refused sign-up creates no user and no event', async () => {
    const count = async () => {
      const { db } = service.service
      const users = await db.selectFrom('users').select('id').execute()
      const events = await db.selectFrom('outbox').select('id').execute()
      return [users.length, events.length]
    }
    const { username } = await service.client().register()
    const before = await count()
    await signUp({ username })
    await signUp({ password: 'short' })
    expect(await count()).toEqual(before)
  })

  test('the error of a sign-up names every missing field', async () => {
    const fields = { username: 'required', email: 'required', password: 'required' }
    expectRefusedFields(await service.client().post('/v1/users', {}), fields)
  })

  test('the error of a sign-up names every field of the wrong type', async () => {
    const response = await service.client().post('/v1/users', { username: 5, email: null, password: ['x'] })
    expectRefusedFields(response, {
      username: 'invalid_type',
      email: 'invalid_type',
      password: 'invalid_type',
    })
  })

  test('a sign-up without a body, or with one that is not an object, is refused', async () => {
    expectRefusedFields(await service.client().post('/v1/users'), { body: 'required' })
    expectRefusedFields(await service.client().post('/v1/users', 'null'), { body: 'required' })
    for (const body of ['[]', '"text"', '17', 'true']) {
      expectRefusedFields(await service.client().post('/v1/users', body), { body: 'invalid_type' })
    }
  })

  test('the error of a sign-up names all refused fields together', async () => {
    const response = await signUp({ username: 'a b', email: 'no address', password: 'short' })
    expectRefusedFields(response, {
      username: 'invalid_characters',
      email: 'invalid_characters',
      password: 'too_short',
    })
  })

  test.each([
    ['username', 'ann', 'too_short'],
    ['username', 'a'.repeat(33), 'too_long'],
    ['username', 'a'.repeat(257), 'too_long'],
    ['username', 'ann@example.org', 'invalid_characters'],
    ['username', 'nul\u0000name', 'invalid_characters'],
    ['username', 'раypal', 'mixed_scripts'],
    ['username', '....', 'invalid_format'],
    ['email', 'ann', 'invalid_format'],
    ['email', 'ann@localhost', 'invalid_format'],
    ['email', `${'a'.repeat(65)}@example.org`, 'too_long'],
    ['email', 'a\u0000nn@example.org', 'invalid_characters'],
    ['password', 'seven77', 'too_short'],
    ['password', 'ß'.repeat(129), 'too_long'],
    ['password', 'nul \u0000 character', 'invalid_characters'],
    ['password', 'half \ud83d an emoji', 'invalid_characters'],
    ['password', 'password123', 'too_common'],
  ])('a sign-up with the %s %j is refused as %s', async (field, value, code) => {
    expectRefusedFields(await signUp({ [field]: value }), { [field]: code })
  })

  test('a password made from the own name is refused as personal', { tags: ['SIGN-IN-10'] }, async () => {
    const { username } = newUser()
    expectRefusedFields(await signUp({ username, password: `${username}1` }), { password: 'personal' })
  })

  test('a password may have any characters and works only exactly as typed', async () => {
    const password = '  Ünï 🔑🔑 密码 "\\ <b> '
    const person = await service.client().register({ password })
    await service.client().signIn(person)
    const trimmed = { username: person.username, password: password.trim() }
    expectProblem(await service.client().post('/v1/sessions', trimmed), 'invalid_credentials')
  })
})

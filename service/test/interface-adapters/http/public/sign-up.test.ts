import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPerson } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { DRAWN_AVATAR, expectPrivate, expectProblem, expectRefusedFields } from './expectations.ts'

describe.each(databaseNames)('signing up, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  const signUp = (wanted: Record<string, unknown>) => {
    const { username, email, password } = newPerson()
    return service.client().post('/v1/users', { username, email, password, ...wanted })
  }

  test('answers 201 with exactly the own user, and where it is', async () => {
    const { username, password } = newPerson()
    const answer = await service
      .client()
      .post('/v1/users', { username, email: `Ann.${username}@Example.ORG`, password })
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({
      id: expect.any(Number) as number,
      username,
      email: `Ann.${username}@example.org`,
      email_verified: false,
      avatar_url: DRAWN_AVATAR,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    })
    expect(answer.headers.get('location')).toBe(`/v1/users/${(answer.body as { id: number }).id}`)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expectPrivate(answer)
  })

  test('the new user is where Location says', async () => {
    const client = service.client()
    const { username, email, password } = newPerson()
    const { headers, body } = await client.post('/v1/users', { username, email, password })
    const { access_token: token } = await client.signIn({ id: 0, username, email, password })
    expect((await client.get(headers.get('location') ?? '', token)).body).toEqual({
      ...{ id: (body as { id: number }).id, username },
      avatar_url: DRAWN_AVATAR,
    })
  })

  test('every id is another one, and higher', async () => {
    const first = await service.client().register()
    const second = await service.client().register()
    expect(second.id).toBeGreaterThan(first.id)
  })

  test('fields nobody may set are ignored', async () => {
    const answer = await signUp({
      ...{ id: 1, user_id: 1, roles: ['admin'], email_verified: true, disabled_at: '2020-01-01T00:00:00Z' },
      ...{
        password_hash: 'x',
        passwordHash: 'x',
        created_at: '2001-01-01T00:00:00Z',
        avatar_url: 'https://evil.example/',
      },
    })
    expect(answer.status).toBe(201)
    const { id } = answer.body as { id: number }
    expect(answer.body).toMatchObject({
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

  test('a name that is taken is 409, in any case and by anything that looks like it', async () => {
    const { username, email } = await service
      .client()
      .register({ username: `paul-${newPerson().username.slice(0, 12)}` })
    for (const taken of [
      username,
      username.toUpperCase(),
      username.replace('l', '1'),
      username.replace('l', 'I'),
    ]) {
      expectProblem(await signUp({ username: taken }), 'username_taken')
    }
    // Not told apart from the rest by the address: the name is looked at first.
    expectProblem(await signUp({ username, email }), 'username_taken')
  })

  test('an address that is taken is 409, in any case', async () => {
    const { email } = await service.client().register()
    expectProblem(await signUp({ email }), 'email_taken')
    expectProblem(await signUp({ email: email.toUpperCase() }), 'email_taken')
  })

  test('of many who want one name at once exactly one gets it', async () => {
    const { username } = newPerson()
    const answers = await Promise.all(Array.from({ length: 8 }, () => signUp({ username })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(7).fill(409)])
  })

  test('a refused sign-up leaves nobody behind, and no event', async () => {
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

  test('every missing field is named', async () => {
    const fields = { username: 'required', email: 'required', password: 'required' }
    expectRefusedFields(await service.client().post('/v1/users', {}), fields)
  })

  test('every field of another type is named', async () => {
    const answer = await service.client().post('/v1/users', { username: 5, email: null, password: ['x'] })
    expectRefusedFields(answer, { username: 'invalid_type', email: 'invalid_type', password: 'invalid_type' })
  })

  test('no body, or none that is an object, is said to be required or of the wrong type', async () => {
    expectRefusedFields(await service.client().post('/v1/users'), { body: 'required' })
    expectRefusedFields(await service.client().post('/v1/users', 'null'), { body: 'required' })
    for (const body of ['[]', '"text"', '17', 'true']) {
      expectRefusedFields(await service.client().post('/v1/users', body), { body: 'invalid_type' })
    }
  })

  test('several refused fields are named together', async () => {
    const answer = await signUp({ username: 'a b', email: 'no address', password: 'short' })
    expectRefusedFields(answer, {
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
  ])('a %s of %j is refused as %s', async (field, value, code) => {
    expectRefusedFields(await signUp({ [field]: value }), { [field]: code })
  })

  test('a password made of the own name is refused as personal', async () => {
    const { username } = newPerson()
    expectRefusedFields(await signUp({ username, password: `${username}1` }), { password: 'personal' })
  })

  test('any characters make a password, and it works as typed and no other', async () => {
    const password = '  Ünï 🔑🔑 密码 "\\ <b> '
    const person = await service.client().register({ password })
    await service.client().signIn(person)
    const trimmed = { username: person.username, password: password.trim() }
    expectProblem(await service.client().post('/v1/sessions', trimmed), 'invalid_credentials')
  })
})

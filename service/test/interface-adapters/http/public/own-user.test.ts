import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type TestUser, type Tokens } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  withoutMail,
  type TestService,
} from '../../../support/test-service.ts'
import {
  DEFAULT_AVATAR,
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

describe.each(databaseNames)('the own user, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, withoutMail)
  })
  afterAll(() => service.stop())

  const signedIn = async (): Promise<{ person: TestUser; tokens: Tokens; token: string }> => {
    const person = await service.client().register()
    const tokens = await service.client().signIn(person)
    return { person, tokens, token: tokens.access_token }
  }
  const update = (body: unknown, token: string) => service.client().patch('/v1/users/me', body, token)
  const read = async (token: string) => (await service.client().get('/v1/users/me', token)).body
  const changePassword = (current: unknown, next: unknown, token: string) =>
    service.client().put('/v1/users/me/password', { current_password: current, new_password: next }, token)
  const verify = (id: number) =>
    service.service.db.updateTable('users').set({ email_verified: true }).where('id', '=', id).execute()
  const newPassword = () => newUser().password

  test('the own user is returned with exactly the documented fields', { tags: ['HTTP-16'] }, async () => {
    const { person, token } = await signedIn()
    const response = await service.client().get('/v1/users/me', token)
    expect(response.status).toBe(200)
    expect(response.body).toEqual({
      id: person.id,
      username: person.username,
      email: person.email,
      email_verified: false,
      avatar_url: DEFAULT_AVATAR,
      created_at: expect.stringMatching(/Z$/) as string,
    })
    expectPrivate(response)
  })

  describe('other users', () => {
    test('other users see only the public fields of a user', { tags: ['HTTP-16'] }, async () => {
      const [ann, bob] = [await signedIn(), await signedIn()]
      const response = await service.client().get(`/v1/users/${bob.person.id}`, ann.token)
      expect(response.status).toBe(200)
      expect(response.body).toEqual({
        id: bob.person.id,
        username: bob.person.username,
        avatar_url: DEFAULT_AVATAR,
      })
      expectPrivate(response)
    })

    test('other users do not see a disabled user', async () => {
      const [ann, bob] = [await signedIn(), await signedIn()]
      await service.operator().post(`/v1/users/${bob.person.id}/disable`, { reason: 'Spam' })
      expectProblem(await service.client().get(`/v1/users/${bob.person.id}`, ann.token), 'user_not_found')
    })

    test.each([
      '0',
      '-1',
      '01',
      '1.0',
      '1e0',
      '0x1',
      '999999999',
      '9007199254740993',
      '9'.repeat(300),
      '%00',
      '%2e',
      'ME',
      'null',
      'NaN',
      '1%2f2',
      '%20%31',
    ])('getting the unknown user %s is 404', async (id) => {
      const { token } = await signedIn()
      expectProblem(await service.client().get(`/v1/users/${id}`, token), 'user_not_found')
    })
  })

  describe('changing the name', () => {
    test('a change of name returns the new user, reserves the old name and signs in with the new', async () => {
      const { person, token } = await signedIn()
      const { username } = newUser()
      const response = await update({ username }, token)
      expect(response.status).toBe(200)
      expect(response.body).toEqual(await read(token))
      expect(response.body).toMatchObject({ id: person.id, username, email: person.email })
      await service.client().signIn({ ...person, username })
      const registration = { ...newUser(), username: person.username.toUpperCase() }
      expectProblem(await service.client().post('/v1/users', registration), 'username_taken')
      expect((await update({ username: person.username }, token)).status).toBe(200)
    })

    test('a user may change only the case of the own name', async () => {
      const { person, token } = await signedIn()
      const username = person.username.toUpperCase()
      expect((await update({ username }, token)).body).toMatchObject({ username })
    })

    test('a change to a taken name or its look-alike is 409', async () => {
      const { token } = await signedIn()
      const other = await service.client().register({ username: `olga-${newUser().username.slice(0, 12)}` })
      expectProblem(await update({ username: other.username }, token), 'username_taken')
      expectProblem(await update({ username: other.username.replace('o', '0') }, token), 'username_taken')
    })

    test('a new name must follow the rules of sign-up', async () => {
      const { token } = await signedIn()
      expectRefusedFields(await update({ username: 'a b' }, token), { username: 'invalid_characters' })
      expectRefusedFields(await update({ username: '' }, token), { username: 'too_short' })
      expectRefusedFields(await update({ username: null, email: 7 }, token), {
        username: 'invalid_type',
        email: 'invalid_type',
      })
    })
  })

  describe('changing the address', () => {
    test(
      'a wrong current password is refused, also after a recent sign-in',
      { tags: ['SIGN-IN-20'] },
      async () => {
        const { person, token } = await signedIn()
        const { email } = newUser()
        for (const wrong of ['not it', '', `${person.password} `, '\u0000']) {
          expectRefusedFields(await update({ email, current_password: wrong }, token), {
            current_password: 'incorrect',
          })
        }
        expect(await read(token)).toMatchObject({ email: person.email })
      },
    )

    test('a new e-mail address is unverified, and its change ends no session', async () => {
      const { person, token } = await signedIn()
      await verify(person.id)
      const { email } = newUser()
      const response = await update({ email, current_password: person.password }, token)
      expect(response.status).toBe(200)
      expect(response.body).toEqual(await read(token))
      expect(response.body).toMatchObject({ email, email_verified: false })
      await service.client().signIn({ ...person, username: email })
    })

    test('an unchanged e-mail address needs no password, a change of its case does', async () => {
      const { person, tokens } = await signedIn()
      await verify(person.id)
      service.clock.advance({ minutes: 11 })
      const token = ((await service.client().refresh(tokens.refresh_token)).body as Tokens).access_token
      expect((await update({ email: person.email }, token)).body).toMatchObject({ email_verified: true })
      const email = `P${person.email.slice(1)}`
      expectProblem(await update({ email }, token), 'reauthentication_required')
      const { body } = await update({ email, current_password: person.password }, token)
      expect(body).toMatchObject({ email, email_verified: true })
    })

    test('a change to a taken e-mail address is 409 only with the right password', async () => {
      const { person, token } = await signedIn()
      const { email } = await service.client().register()
      expectRefusedFields(await update({ email, current_password: 'wrong' }, token), {
        current_password: 'incorrect',
      })
      expectProblem(await update({ email, current_password: person.password }, token), 'email_taken')
    })

    test('a change of address together with a taken name changes neither', async () => {
      const { person, token } = await signedIn()
      const other = await service.client().register()
      const body = { username: other.username, email: newUser().email, current_password: person.password }
      expectProblem(await update(body, token), 'username_taken')
      expect(await read(token)).toMatchObject({ username: person.username, email: person.email })
    })
  })

  test('an update without changes writes no event', async () => {
    const { person, token } = await signedIn()
    const before = await read(token)
    for (const body of [{}, { username: person.username, email: person.email }, { nothing: 1 }]) {
      const response = await update(body, token)
      expect([response.status, response.body]).toEqual([200, before])
    }
    const { db } = service.service
    const events = await db.selectFrom('outbox').select('type').where('user_id', '=', person.id).execute()
    expect(events.map(({ type }) => type)).toEqual(['user.created', 'session.created'])
  })

  test('an update ignores fields that a user may not set', { tags: ['HTTP-9'] }, async () => {
    const { person, token } = await signedIn()
    const before = await read(token)
    const fields = {
      id: 1,
      user_id: 1,
      roles: ['admin'],
      email_verified: true,
      disabled_at: null,
      password: 'x',
      password_hash: 'x',
    }
    expect((await update(fields, token)).body).toEqual(before)
    await service.client().signIn(person)
  })

  describe('changing the password', () => {
    test('after a change of password only the new password signs in', { tags: ['ACCOUNT-1'] }, async () => {
      const { person, token } = await signedIn()
      const password = newPassword()
      const response = await changePassword(person.password, password, token)
      expect(response).toMatchObject({
        status: 200,
        body: { token_type: 'Bearer', session: { current: true } },
      })
      expectPrivate(response)
      await service.client().signIn({ ...person, password })
      const { username } = person
      expectProblem(
        await service.client().post('/v1/sessions', { username, password: person.password }),
        'invalid_credentials',
      )
    })

    test(
      'a change of password ends every session except the calling one',
      { tags: ['SIGN-IN-22', 'SIGN-IN-23'] },
      async () => {
        const { person, tokens, token } = await signedIn()
        const [second, third] = [await service.client().signIn(person), await service.client().signIn(person)]
        const { body } = await changePassword(person.password, newPassword(), token)
        for (const other of [second, third]) {
          expectEnded(await service.client().get('/v1/users/me', other.access_token), 'password_changed')
          expectEnded(await service.client().refresh(other.refresh_token), 'password_changed')
        }
        const { access_token: renewed, refresh_token: next, session } = body as Tokens
        expect(session.id).toBe(tokens.session.id)
        expect((await service.client().get('/v1/users/me', renewed)).status).toBe(200)
        expect((await service.client().refresh(next)).status).toBe(200)
      },
    )

    test(
      'a change of password withdraws the tokens of the calling session, so copies of them die',
      { tags: ['SESSION-18'] },
      async () => {
        const { person, tokens, token } = await signedIn()
        const { body } = await changePassword(person.password, newPassword(), token)
        expectProblem(await service.client().get('/v1/users/me', token), 'invalid_access_token')
        for (const seconds of [0, 31, 3_600]) {
          service.clock.advance({ seconds })
          expectProblem(await service.client().refresh(tokens.refresh_token), 'invalid_refresh_token')
        }
        // The copy was refused, and the owner goes on.
        expect((await service.client().refresh((body as Tokens).refresh_token)).status).toBe(200)
      },
    )

    test(
      'a change of password needs the current password and changes nothing without it',
      { tags: ['SIGN-IN-20'] },
      async () => {
        const { person, token } = await signedIn()
        for (const wrong of ['not it', '', person.password.toUpperCase(), '\ud800']) {
          expectRefusedFields(await changePassword(wrong, newPassword(), token), {
            current_password: 'incorrect',
          })
        }
        await service.client().signIn(person)
      },
    )

    test('a new password must follow the rules of sign-up', async () => {
      const { person, token } = await signedIn()
      const attempt = (next: unknown) => changePassword(person.password, next, token)
      expectRefusedFields(await attempt('short'), { new_password: 'too_short' })
      expectRefusedFields(await attempt('x'.repeat(1025)), { new_password: 'too_long' })
      expectRefusedFields(await attempt('nul \u0000 character'), { new_password: 'invalid_characters' })
      expectRefusedFields(await attempt('password123'), { new_password: 'too_common' })
      expectRefusedFields(await attempt(`${person.username}!`), { new_password: 'personal' })
      expectRefusedFields(await attempt(null), { new_password: 'invalid_type' })
      expectRefusedFields(await service.client().put('/v1/users/me/password', {}, token), {
        current_password: 'required',
        new_password: 'required',
      })
      await service.client().signIn(person)
    })

    test('of two parallel changes of a password only one succeeds', async () => {
      const { person, token } = await signedIn()
      const wanted = [newPassword(), newPassword()]
      const responses = await Promise.all(wanted.map((next) => changePassword(person.password, next, token)))
      expect(responses.map(({ status }) => status).toSorted()).not.toEqual([200, 200])
      const done = responses.findIndex(({ status }) => status === 200)
      await service.client().signIn({ ...person, password: wanted[done] ?? '' })
    })

    test('guesses at the current password are limited', async () => {
      const { person, token } = await signedIn()
      service.clock.stop()
      for (let guess = 0; guess < 10; guess += 1) {
        expectRefusedFields(await changePassword('a guess', newPassword(), token), {
          current_password: 'incorrect',
        })
      }
      const limited = await changePassword(person.password, newPassword(), token)
      expectProblem(limited, 'too_many_attempts')
      expect(limited.headers.get('retry-after')).toBe('1')
      // Changes of the password and of the address share one budget.
      const email = { email: newUser().email, current_password: person.password }
      expectProblem(await update(email, token), 'too_many_attempts')
    })
  })

  test.each([
    ['GET', '/v1/users/me'],
    ['PATCH', '/v1/users/me'],
    ['PUT', '/v1/users/me/password'],
    ['GET', '/v1/users/1'],
    ['GET', '/v1/sessions'],
    ['DELETE', '/v1/sessions'],
    ['DELETE', '/v1/sessions/current'],
    ['DELETE', `/v1/sessions/0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11`],
  ])('%s %s checks the access token before anything else', async (method, path) => {
    const client = service.client()
    expectProblem(await client.request(method, path), 'authentication_required')
    expectProblem(await client.request(method, path, { token: 'nonsense' }), 'invalid_access_token')
    if (method === 'GET') return
    expectProblem(await client.request(method, path, { body: '{"not json' }), 'authentication_required')
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPerson, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import {
  DRAWN_AVATAR,
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from './expectations.ts'

describe.each(databaseNames)('oneself, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  const signedIn = async (): Promise<{ person: Person; tokens: Tokens; token: string }> => {
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
  const newPassword = () => newPerson().password

  test('is seen whole, and with nothing more', async () => {
    const { person, token } = await signedIn()
    const answer = await service.client().get('/v1/users/me', token)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      ...{ id: person.id, username: person.username, email: person.email, email_verified: false },
      avatar_url: DRAWN_AVATAR,
      created_at: expect.stringMatching(/Z$/) as string,
    })
    expectPrivate(answer)
  })

  describe('others', () => {
    test('see the public fields alone', async () => {
      const [ann, bob] = [await signedIn(), await signedIn()]
      const answer = await service.client().get(`/v1/users/${bob.person.id}`, ann.token)
      expect(answer.status).toBe(200)
      expect(answer.body).toEqual({
        ...{ id: bob.person.id, username: bob.person.username },
        avatar_url: DRAWN_AVATAR,
      })
      expectPrivate(answer)
    })

    test('do not see a disabled person', async () => {
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
    ])('there is no user %s', async (id) => {
      const { token } = await signedIn()
      expectProblem(await service.client().get(`/v1/users/${id}`, token), 'user_not_found')
    })
  })

  describe('changing the name', () => {
    test('answers the own user as they are now; the old name is free and the new one signs in', async () => {
      const { person, token } = await signedIn()
      const { username } = newPerson()
      const answer = await update({ username }, token)
      expect(answer.status).toBe(200)
      expect(answer.body).toEqual(await read(token))
      expect(answer.body).toMatchObject({ id: person.id, username, email: person.email })
      await service.client().signIn({ ...person, username })
      await service.client().register({ username: person.username })
    })

    test('may change its case alone, which nobody else may', async () => {
      const { person, token } = await signedIn()
      const username = person.username.toUpperCase()
      expect((await update({ username }, token)).body).toMatchObject({ username })
    })

    test('to one that is taken, or looks like it, is 409', async () => {
      const { token } = await signedIn()
      const other = await service.client().register({ username: `olga-${newPerson().username.slice(0, 12)}` })
      expectProblem(await update({ username: other.username }, token), 'username_taken')
      expectProblem(await update({ username: other.username.replace('o', '0') }, token), 'username_taken')
    })

    test('keeps the rules of sign-up', async () => {
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
    test('needs the current password', async () => {
      const { person, token } = await signedIn()
      const { email } = newPerson()
      expectRefusedFields(await update({ email }, token), { current_password: 'required' })
      for (const wrong of ['not it', '', `${person.password} `, '\u0000']) {
        expectRefusedFields(await update({ email, current_password: wrong }, token), {
          current_password: 'incorrect',
        })
      }
      expect(await read(token)).toMatchObject({ email: person.email })
    })

    test('takes it with the password, has to be verified anew, and ends no session', async () => {
      const { person, token } = await signedIn()
      await verify(person.id)
      const { email } = newPerson()
      const answer = await update({ email, current_password: person.password }, token)
      expect(answer.status).toBe(200)
      expect(answer.body).toEqual(await read(token))
      expect(answer.body).toMatchObject({ email, email_verified: false })
      await service.client().signIn({ ...person, username: email })
    })

    test('to the same one needs no password and stays verified; in another case it needs the password', async () => {
      const { person, token } = await signedIn()
      await verify(person.id)
      expect((await update({ email: person.email }, token)).body).toMatchObject({ email_verified: true })
      const email = `P${person.email.slice(1)}`
      expectRefusedFields(await update({ email }, token), { current_password: 'required' })
      const { body } = await update({ email, current_password: person.password }, token)
      expect(body).toMatchObject({ email, email_verified: true })
    })

    test('to one that is taken is 409 only for who knows the password', async () => {
      const { person, token } = await signedIn()
      const { email } = await service.client().register()
      expectRefusedFields(await update({ email, current_password: 'wrong' }, token), {
        current_password: 'incorrect',
      })
      expectProblem(await update({ email, current_password: person.password }, token), 'email_taken')
    })

    test('together with a name that is taken changes neither', async () => {
      const { person, token } = await signedIn()
      const other = await service.client().register()
      const body = { username: other.username, email: newPerson().email, current_password: person.password }
      expectProblem(await update(body, token), 'username_taken')
      expect(await read(token)).toMatchObject({ username: person.username, email: person.email })
    })
  })

  test('an update of nothing changes nothing and tells nobody', async () => {
    const { person, token } = await signedIn()
    const before = await read(token)
    for (const body of [{}, { username: person.username, email: person.email }, { nothing: 1 }]) {
      const answer = await update(body, token)
      expect([answer.status, answer.body]).toEqual([200, before])
    }
    const { db } = service.service
    const events = await db.selectFrom('outbox').select('type').where('user_id', '=', person.id).execute()
    expect(events.map(({ type }) => type)).toEqual(['user.created', 'session.created'])
  })

  test('fields nobody may set are ignored in an update', async () => {
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
    test('answers 204, the new one signs in, the old one no more', async () => {
      const { person, token } = await signedIn()
      const password = newPassword()
      const answer = await changePassword(person.password, password, token)
      expect(answer).toMatchObject({ status: 204, body: undefined })
      expectPrivate(answer)
      await service.client().signIn({ ...person, password })
      const { username } = person
      expectProblem(
        await service.client().post('/v1/sessions', { username, password: person.password }),
        'invalid_credentials',
      )
    })

    test('ends every other session and keeps the one that asks', async () => {
      const { person, tokens, token } = await signedIn()
      const [second, third] = [await service.client().signIn(person), await service.client().signIn(person)]
      await changePassword(person.password, newPassword(), token)
      for (const other of [second, third]) {
        expectEnded(await service.client().get('/v1/users/me', other.access_token), 'password_changed')
        expectEnded(await service.client().refresh(other.refresh_token), 'password_changed')
      }
      expect((await service.client().get('/v1/users/me', token)).status).toBe(200)
      expect((await service.client().refresh(tokens.refresh_token)).status).toBe(200)
    })

    test('needs the current one, and changes nothing without it', async () => {
      const { person, token } = await signedIn()
      for (const wrong of ['not it', '', person.password.toUpperCase(), '\ud800']) {
        expectRefusedFields(await changePassword(wrong, newPassword(), token), {
          current_password: 'incorrect',
        })
      }
      await service.client().signIn(person)
    })

    test('keeps the rules of sign-up', async () => {
      const { person, token } = await signedIn()
      const attempt = (next: unknown) => changePassword(person.password, next, token)
      expectRefusedFields(await attempt('short'), { new_password: 'too_short' })
      expectRefusedFields(await attempt('x'.repeat(1025)), { new_password: 'too_long' })
      expectRefusedFields(await attempt('nul \u0000 character'), { new_password: 'invalid_characters' })
      expectRefusedFields(await attempt('password123'), { new_password: 'too_common' })
      expectRefusedFields(await attempt(`${person.username}!`), { new_password: 'personal' })
      expectRefusedFields(await attempt(null), { new_password: 'invalid_type' })
      expectRefusedFields(await service.client().put('/v1/users/me/password', {}, token), {
        ...{ current_password: 'required', new_password: 'required' },
      })
      await service.client().signIn(person)
    })

    test('by two at once is done by one of them alone', async () => {
      const { person, token } = await signedIn()
      const wanted = [newPassword(), newPassword()]
      const answers = await Promise.all(wanted.map((next) => changePassword(person.password, next, token)))
      expect(answers.map(({ status }) => status).toSorted()).not.toEqual([204, 204])
      const done = answers.findIndex(({ status }) => status === 204)
      await service.client().signIn({ ...person, password: wanted[done] ?? '' })
    })

    test('with guesses at the current one runs into a limit', async () => {
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
      // One budget for both ways of guessing.
      const email = { email: newPerson().email, current_password: person.password }
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
  ])('%s %s needs an access token, before anything else is looked at', async (method, path) => {
    const client = service.client()
    expectProblem(await client.request(method, path), 'authentication_required')
    expectProblem(await client.request(method, path, { token: 'nonsense' }), 'invalid_access_token')
    if (method === 'GET') return
    expectProblem(await client.request(method, path, { body: '{"not json' }), 'authentication_required')
  })
})

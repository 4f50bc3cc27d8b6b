// Entering the password again, and the calls that need it (RFC 9470).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
  TOKENS,
} from '../../../support/http-expectations.ts'
import { newUser, type TestUser, type Tokens } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  type TestService,
  withoutMail,
} from '../../../support/test-service.ts'

const TTL_SECONDS = 120

describe.each(databaseNames)('reauthentication, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, {
      ...withoutMail,
      RECENT_AUTHENTICATION_TTL: `${TTL_SECONDS}s`,
    })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const refreshed = async ({ refresh_token }: Tokens) =>
    (await service.client().refresh(refresh_token)).body as Tokens
  const reauthenticate = (current_password: unknown, token: string) =>
    service.client().post('/v1/sessions/current/reauthenticate', { current_password }, token)
  const claimsOf = ({ access_token: token }: Tokens) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

  /** A user who signed in longer ago than is recent, with a second session. */
  async function signedInLongAgo() {
    const person = await service.client().register()
    const first = await service.client().signIn(person)
    service.clock.advance({ seconds: TTL_SECONDS + 1 })
    const other = await service.client().signIn(person)
    return { person, other, tokens: await refreshed(first) }
  }

  interface Given {
    readonly person: TestUser
    readonly other: Tokens
    readonly token: string
  }
  const guarded: [string, (given: Given) => ReturnType<typeof reauthenticate>][] = [
    [
      'renaming',
      ({ token }) => service.client().patch('/v1/users/me', { username: newUser().username }, token),
    ],
    [
      'a new address',
      ({ token }) => service.client().patch('/v1/users/me', { email: newUser().email }, token),
    ],
    [
      'ending another session',
      ({ token, other }) => service.client().delete(`/v1/sessions/${other.session.id}`, token),
    ],
    ['ending all other sessions', ({ token }) => service.client().delete('/v1/sessions?keep=current', token)],
    ['ending all sessions', ({ token }) => service.client().delete('/v1/sessions', token)],
    ['an export', ({ token }) => service.client().get('/v1/users/me/export', token)],
  ]

  test.each(guarded)(
    '%s is refused with a stolen access token, and allowed after the password',
    { tags: ['SESSION-21'] },
    async (_, call) => {
      const { person, other, tokens } = await signedInLongAgo()
      const before = (await service.client().get('/v1/users/me', tokens.access_token)).body
      const refused = await call({ person, other, token: tokens.access_token })
      expectProblem(refused, 'reauthentication_required')
      expect(refused.headers.get('www-authenticate')).toContain(`max_age="${TTL_SECONDS}"`)
      expect((await service.client().get('/v1/users/me', tokens.access_token)).body).toEqual(before)
      expect((await service.client().get('/v1/users/me', other.access_token)).status).toBe(200)

      const { body } = await reauthenticate(person.password, tokens.access_token)
      const { status } = await call({ person, other, token: (body as Tokens).access_token })
      expect([200, 204]).toContain(status)
    },
  )

  test('the own session ends without a recent authentication, by either path', async () => {
    for (const path of ['current', 'id']) {
      const { tokens, other } = await signedInLongAgo()
      const id = path === 'id' ? tokens.session.id : path
      expect((await service.client().delete(`/v1/sessions/${id}`, tokens.access_token)).status).toBe(204)
      expectEnded(await service.client().get('/v1/users/me', tokens.access_token), 'signed_out')
      expect((await service.client().get('/v1/users/me', other.access_token)).status).toBe(200)
    }
  })

  test('the new tokens have a new auth_time, which a refresh keeps', { tags: ['SESSION-22'] }, async () => {
    const { person, tokens } = await signedInLongAgo()
    const before = Number(claimsOf(tokens)['auth_time'])
    const response = await reauthenticate(person.password, tokens.access_token)
    expect([response.status, response.body]).toEqual([200, TOKENS])
    expectPrivate(response)
    const renewed = response.body as Tokens
    expect(renewed.session.id).toBe(tokens.session.id)
    const now = Math.floor(+service.clock.now() / 1000)
    expect(now - before).toBeGreaterThan(TTL_SECONDS)
    expect(claimsOf(renewed)).toMatchObject({ auth_time: now, amr: ['pwd'], gen: 2 })
    service.clock.advance({ minutes: 5 })
    expect(claimsOf(await refreshed(renewed))).toMatchObject({ auth_time: now, amr: ['pwd'], gen: 3 })
  })

  test(
    'copies of the earlier tokens are refused, and no session ends',
    { tags: ['SESSION-22'] },
    async () => {
      const { person, other, tokens } = await signedInLongAgo()
      const { body } = await reauthenticate(person.password, tokens.access_token)
      expectProblem(await service.client().get('/v1/users/me', tokens.access_token), 'invalid_access_token')
      for (const seconds of [0, 31, 3_600]) {
        service.clock.advance({ seconds })
        expectProblem(await service.client().refresh(tokens.refresh_token), 'invalid_refresh_token')
      }
      for (const one of [body as Tokens, other])
        expect((await service.client().refresh(one.refresh_token)).status).toBe(200)
    },
  )

  test('a wrong password is refused at its field, and guesses are limited', async () => {
    const { person, tokens, other } = await signedInLongAgo()
    const { access_token: token } = tokens
    for (const wrong of ['not it', '', `${person.password} `, '\u0000'])
      expectRefusedFields(await reauthenticate(wrong, token), { current_password: 'incorrect' })
    for (const [wrong, code] of [
      [null, 'invalid_type'],
      [undefined, 'required'],
    ] as const)
      expectRefusedFields(await reauthenticate(wrong, token), { current_password: code })
    for (let guess = 0; guess < 6; guess += 1)
      expectRefusedFields(await reauthenticate('a guess', token), { current_password: 'incorrect' })
    expectProblem(await reauthenticate(person.password, token), 'too_many_attempts')
    // The budget is that of the session. The owner's other one has its own.
    expect((await reauthenticate(person.password, other.access_token)).status).toBe(200)
  })

  test('entering the password again is an event, in the audit log too', async () => {
    const { person, tokens } = await signedInLongAgo()
    await reauthenticate(person.password, tokens.access_token)
    const { db } = service.service
    const events = await db.selectFrom('outbox').selectAll().where('user_id', '=', person.id).execute()
    expect(events.at(-1)).toMatchObject({
      type: 'session.reauthenticated',
      actor: `user:${person.id}`,
      data: { session_id: tokens.session.id },
    })
    const entries = await db
      .selectFrom('audit_log')
      .select(['action', 'actor', 'session'])
      .where('subject', '=', person.id)
      .where('action', '=', 'session.reauthenticated')
      .execute()
    expect(entries).toEqual([
      { action: 'session.reauthenticated', actor: `user:${person.id}`, session: tokens.session.id },
    ])
  })

  test('the access token is checked before the body', async () => {
    const path = '/v1/sessions/current/reauthenticate'
    expectProblem(await service.client().post(path, '{"not json'), 'authentication_required')
    expectProblem(await service.client().post(path, '{"not json', 'nonsense'), 'invalid_access_token')
  })
})

// Refused attempts and their entries in the audit log.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testServiceKeys, testVerifierKey } from '../../support/service-keys.ts'
import { newUser, TestClient, type TestUser } from '../../support/test-client.ts'
import {
  databaseNames,
  migratedDatabase,
  startOn,
  startTestService,
  type TestService,
} from '../../support/test-service.ts'

interface Entry {
  readonly actor: string | null
  readonly action: string
  readonly user_id: number | null
  readonly session_id: string | null
  readonly ip: string | null
  readonly user_agent: string | null
  readonly request_id: string | null
  readonly result: string
  readonly data: { readonly attempts?: number }
}

/** The service also writes every ten seconds, so a series may be in two entries, the later one first. */
function joined(entries: readonly Entry[]): readonly Entry[] {
  const series = new Map<string, Entry>()
  for (const entry of entries) {
    const { actor, action, user_id, session_id, ip, result, request_id } = entry
    const { attempts, ...what } = entry.data
    const which = attempts === undefined ? request_id : 'a series'
    const key = JSON.stringify([actor, action, user_id, session_id, ip, result, what, which])
    const before = series.get(key)?.data.attempts ?? 0
    series.set(
      key,
      attempts === undefined ? entry : { ...entry, data: { ...what, attempts: before + attempts } },
    )
  }
  return [...series.values()]
}

describe.each(databaseNames)('refused attempts in the audit log, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { SERVICE_KEYS: testServiceKeys })
  })
  afterAll(() => service.stop())

  const entries = async (query: Record<string, string | number>): Promise<readonly Entry[]> => {
    await service.service.refusals.flush()
    const text = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    )
    const { status, body } = await service.operator().get(`/v1/audit?${text.toString()}`)
    expect(status).toBe(200)
    return joined((body as { items: Entry[] }).items)
  }
  const guess = (client: TestClient, username: string, headers: Record<string, string> = {}) =>
    client.request('POST', '/v1/sessions', { body: { username, password: 'a wrong guess' }, headers })
  const attemptsIn = (found: readonly Entry[]) =>
    found.reduce((sum, { data }) => sum + (data.attempts ?? 0), 0)

  test(
    'a series of guesses can be joined to its account and to its addresses',
    { tags: ['AUDIT-3'] },
    async () => {
      const [one, other] = [service.client('203.0.113.51'), service.client('2001:db8:51::1')]
      const { id, username, email } = await service.client().register()
      const headers = { 'user-agent': 'Guesser/1.0', 'x-request-id': 'the-first-guess' }
      expect((await guess(one, username, headers)).status).toBe(401)
      for (const name of [username.toUpperCase(), email]) await guess(one, name)
      await guess(other, email)
      const found = await entries({ user_id: id, action: 'sign_in.refused' })
      expect(found.map(({ ip }) => ip).toSorted()).toEqual(['2001:db8:51::1', '203.0.113.51'])
      expect(attemptsIn(found)).toBe(4)
      expect(found.find(({ ip }) => ip === '203.0.113.51')).toMatchObject({
        actor: null,
        action: 'sign_in.refused',
        user_id: id,
        session_id: null,
        user_agent: 'Guesser/1.0',
        request_id: 'the-first-guess',
        result: 'invalid_credentials',
        data: { attempts: 3 },
      })
      expect(attemptsIn(await entries({ ip: '203.0.113.51', action: 'sign_in.refused' }))).toBe(3)
    },
  )

  test(
    'guesses at an unknown name have an address, and neither the name nor the password is stored',
    { tags: ['AUDIT-3'] },
    async () => {
      const client = service.client('203.0.113.52')
      const names = ['correct horse battery staple', `${newUser().username}@example.org`]
      for (const name of names) expect((await guess(client, name)).status).toBe(401)
      const [entry, ...more] = await entries({ ip: '203.0.113.52' })
      expect([entry?.user_id, entry?.result, entry?.data.attempts, more]).toEqual([
        null,
        'invalid_credentials',
        2,
        [],
      ])
      const { rows } = await sql<{ row: string }>`select log::text as row from audit_log as log`.execute(
        service.service.db,
      )
      const text = JSON.stringify([rows, service.logs])
      for (const secret of ['a wrong guess', ...names])
        for (const form of [secret, createHash('sha256').update(secret).digest('hex')])
          expect(text).not.toContain(form)
    },
  )

  test(
    'a refusal for too many attempts names the account, and an unknown one nobody',
    { tags: ['AUDIT-3'] },
    async () => {
      const { id, username } = await service.client().register()
      for (const [name, ip] of [
        [username, '203.0.113.53'],
        [newUser().username, '203.0.113.54'],
      ] as const) {
        const client = service.client(ip)
        for (let time = 0; time < 12; time += 1) await guess(client, name)
        const refused = await entries({ ip, action: 'sign_in.refused' })
        expect(refused.map(({ result }) => result).toSorted()).toEqual([
          'invalid_credentials',
          'too_many_attempts',
        ])
        expect(attemptsIn(refused)).toBe(12)
        expect(new Set(refused.map((each) => each.user_id))).toEqual(new Set([name === username ? id : null]))
      }
    },
  )

  test('the right password of a disabled user is a refused sign-in', { tags: ['AUDIT-3'] }, async () => {
    const client = service.client()
    const { id, username, password } = await client.register()
    await service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
    expect((await client.post('/v1/sessions', { username, password })).status).toBe(403)
    expect(await entries({ user_id: id, action: 'sign_in.refused' })).toMatchObject([
      { actor: null, result: 'user_disabled', data: { attempts: 1 } },
    ])
  })

  test('a sign-in can be joined to its address', { tags: ['AUDIT-3'] }, async () => {
    const client = service.client('203.0.113.55')
    const { session } = await client.signIn(await client.register())
    expect(await entries({ ip: '203.0.113.55', action: 'session.created' })).toMatchObject([
      { session_id: session.id, result: 'success' },
    ])
    expect(await entries({ ip: '203.0.113.55', action: 'sign_in.refused' })).toEqual([])
  })

  test.each([
    ['PUT', '/v1/users/me/password', { new_password: 'the new one of the user' }],
    ['PATCH', '/v1/users/me', { email: 'changed.address@example.org' }],
    ['DELETE', '/v1/users/me', {}],
  ])(
    'a wrong current password for %s %s is recorded with its session',
    { tags: ['AUDIT-3'] },
    async (method, path, more) => {
      const client = service.client('203.0.113.56')
      const person = await client.register()
      const { access_token: token, session } = await client.signIn(person)
      const body = { current_password: 'a wrong guess', ...more }
      for (let time = 0; time < 11; time += 1) await client.request(method, path, { body, token })
      const found = await entries({ user_id: person.id, action: 'password_check.refused' })
      expect(found.map(({ result }) => result).toSorted()).toEqual(['too_many_attempts', 'validation_failed'])
      expect(attemptsIn(found)).toBe(11)
      for (const entry of found)
        expect(entry).toMatchObject({
          actor: `user:${person.id}`,
          session_id: session.id,
          ip: '203.0.113.56',
        })
    },
  )

  async function signedIn(
    ...roles: string[]
  ): Promise<{ client: TestClient; person: TestUser } & Awaited<ReturnType<TestClient['signIn']>>> {
    const client = service.client('203.0.113.57')
    const person = await client.register()
    if (roles.length > 0) await service.operator().put(`/v1/users/${person.id}/roles`, { roles })
    return { client, person, ...(await client.signIn(person)) }
  }

  test('a refused refresh that names a session is recorded with it', { tags: ['AUDIT-3'] }, async () => {
    const { client, person, access_token: token, refresh_token: refreshToken, session } = await signedIn()
    await client.request('DELETE', '/v1/sessions/current', { token })
    for (let time = 0; time < 3; time += 1) expect((await client.refresh(refreshToken)).status).toBe(401)
    expect(await entries({ user_id: person.id, action: 'refresh.refused' })).toMatchObject([
      {
        actor: null,
        session_id: session.id,
        result: 'session_ended',
        ip: '203.0.113.57',
        data: { attempts: 3 },
      },
    ])
  })

  test('a refresh token that is not of this service names nobody and is not recorded', async () => {
    const before = await entries({ action: 'refresh.refused' })
    expect((await service.client().refresh('nonsense')).status).toBe(401)
    expect(await entries({ action: 'refresh.refused' })).toEqual(before)
  })

  test('a replayed refresh token is recorded as an event and not twice', { tags: ['AUDIT-3'] }, async () => {
    const { client, person, refresh_token: first } = await signedIn()
    const { body } = await client.refresh(first)
    await client.refresh((body as { refresh_token: string }).refresh_token)
    service.clock.advance({ minutes: 1 })
    expect((await client.refresh(first)).status).toBe(401)
    expect(await entries({ user_id: person.id, action: 'refresh.refused' })).toEqual([])
    expect(await entries({ user_id: person.id, action: 'session.refresh_token_reused' })).toHaveLength(1)
  })

  test(
    'a wrong service key is recorded with its address, and never with the key',
    { tags: ['AUDIT-3'] },
    async () => {
      const wrong = 'a-wrong-service-key-of-somebody'
      const stranger = new TestClient(service.internalUrl, undefined, { token: wrong })
      for (let time = 0; time < 2; time += 1) expect((await stranger.get('/v1/keys')).status).toBe(401)
      const found = await entries({ action: 'service_key.refused' })
      expect(found).toMatchObject([
        { actor: null, user_id: null, ip: '127.0.0.1', result: 'invalid_service_key', data: { attempts: 2 } },
      ])
      expect(JSON.stringify(found)).not.toContain(wrong)
    },
  )

  test(
    'a service key without the scope is recorded with its name and the scope, and never with the key',
    { tags: ['AUDIT-9'] },
    async () => {
      const verifier = new TestClient(service.internalUrl, undefined, { token: testVerifierKey })
      const body = { roles: ['admin'] }
      for (let time = 0; time < 2; time += 1) {
        const { status } = await verifier.request('PUT', '/v1/users/17/roles', { body })
        expect(status).toBe(403)
      }
      expect((await verifier.get('/v1/audit')).status).toBe(403)
      const found = await entries({ actor: 'service:verifier' })
      expect(found.map(({ action, result, ip, data }) => ({ action, result, ip, data }))).toEqual(
        [
          { scope: 'audit', attempts: 1 },
          { scope: 'roles', attempts: 2 },
        ].map((data) => ({ action: 'access.refused', result: 'insufficient_scope', ip: '127.0.0.1', data })),
      )
      expect(JSON.stringify(found)).not.toContain(testVerifierKey)
    },
  )

  test(
    'a call under /v1/admin without the role is recorded with its user and session',
    { tags: ['AUDIT-9'] },
    async () => {
      const { client, person, access_token: token, session } = await signedIn()
      for (const id of [17, 18, 19]) {
        const response = await client.request('PUT', `/v1/admin/users/${id}/roles`, {
          body: { roles: ['admin'] },
          token,
        })
        expect(response.status).toBe(403)
      }
      expect((await client.get('/v1/admin/audit', token)).status).toBe(403)
      const found = await entries({ actor: `user:${person.id}`, action: 'access.refused' })
      expect(found.map(({ data }) => data)).toEqual([
        { scope: 'audit', attempts: 1 },
        { scope: 'roles', attempts: 3 },
      ])
      for (const entry of found)
        expect(entry).toMatchObject({
          user_id: person.id,
          session_id: session.id,
          ip: '203.0.113.57',
          result: 'insufficient_role',
        })
      expect(JSON.stringify(found)).not.toContain(token)
    },
  )

  test(
    'a moderator who may not change the user, or must enter the password first, is recorded with the user',
    { tags: ['AUDIT-9'] },
    async () => {
      const { client, person, access_token: token, session } = await signedIn('moderator')
      const admin = await signedIn('admin')
      const body = { reason: 'Spam' }
      const disable = () =>
        client.request('POST', `/v1/admin/users/${admin.person.id}/disable`, { body, token })
      expect((await disable()).status).toBe(403)
      await service.service.db
        .updateTable('sessions')
        .set({ auth_time: new Date(0) })
        .where('id', '=', session.id)
        .execute()
      expect((await disable()).status).toBe(401)
      const found = await entries({ actor: `user:${person.id}`, action: 'access.refused' })
      expect(found.map(({ result }) => result)).toEqual(['reauthentication_required', 'insufficient_role'])
      for (const entry of found)
        expect(entry).toMatchObject({ user_id: admin.person.id, data: { scope: 'moderate', attempts: 1 } })
    },
  )
})

test('a refusal that is still noted is written when the service stops', { tags: ['AUDIT-3'] }, async () => {
  const place = await migratedDatabase()
  const shared = { settings: place.settings, remove: () => Promise.resolve() }
  const first = await startOn(shared)
  const { username } = await first.client().register()
  await first.client().post('/v1/sessions', { username, password: 'a wrong guess' })
  await first.stop()
  const second = await startOn(shared)
  try {
    const { body } = await second.operator().get('/v1/audit?action=sign_in.refused')
    expect((body as { items: Entry[] }).items).toMatchObject([{ result: 'invalid_credentials' }])
  } finally {
    await second.stop()
    await place.remove()
  }
})

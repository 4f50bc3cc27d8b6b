import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { StubServer, type Received } from '../../../support/stub-server.ts'
import { newUser, TestClient, type TestUser } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import { expectPrivate, expectProblem, expectRefusedFields } from '../../../support/http-expectations.ts'

const KEY = 'the shared key of the platform, long enough'
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

interface Listed {
  readonly id: string
  readonly consumer: string
  readonly state: string
  readonly event: { id: string; type: string; user_id: number; occurred_at: string }
  readonly attempts: number
  readonly last_error: string | null
  readonly next_attempt_at: string | null
  readonly dead_at: string | null
}
interface Page {
  readonly items: Listed[]
  readonly next_cursor: string | null
}

describe.each(databaseNames)('the outbox, on %s', (database) => {
  let service: TestService
  let messaging: StubServer
  let hooks: StubServer
  let webhook: string

  beforeAll(async () => {
    messaging = await StubServer.start()
    hooks = await StubServer.start()
    service = await startTestService(database, {
      MESSAGING_URL: messaging.url,
      WEBHOOK_URLS: `${hooks.url}/in?key=a-secret-in-the-address`,
      WEBHOOK_SECRETS: SECRET,
      WEBHOOK_ALLOW_PRIVATE: 'true',
      TOKEN_ALGORITHM: 'HS256',
      TOKEN_SHARED_SECRET: KEY,
      TOKEN_AUDIENCE: '',
    })
    const { items } = await list('?state=waiting')
    expect(items).toEqual([])
    const { person } = await signedUp()
    await settled()
    webhook = `webhook-127.0.0.1:${hooks.port}-`
    expect(hooks.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
      'user.created',
      'session.created',
    ])
    expect(person.id).toBeGreaterThan(0)
  })
  afterAll(async () => {
    await service.stop()
    await Promise.all([messaging.down(), hooks.down()])
  })
  beforeEach(() => {
    messaging.received.length = 0
    hooks.received.length = 0
  })
  afterEach(async () => {
    for (const each of [messaging, hooks]) each.respond = (_, response) => response.writeHead(204).end()
    service.clock.advance({ hours: 7 })
    await settled()
    await settled()
  })

  const operator = () => service.operator()
  const settled = () => service.service.outbox.settle()
  const list = async (query = ''): Promise<Page> => (await operator().get(`/v1/outbox${query}`)).body as Page
  async function signedUp(): Promise<{ person: TestUser; rename: (username?: string) => Promise<string> }> {
    const client = service.client()
    const person = await client.register()
    const { access_token: token } = await client.signIn(person)
    return {
      person,
      rename: async (username = newUser().username) => {
        const { status } = await client.patch('/v1/users/me', { username }, token)
        expect(status).toBe(200)
        return username
      },
    }
  }
  const refuse: StubServer['respond'] = (_, response) => response.writeHead(500).end('no secrets of mine')
  const usernames = () =>
    messaging.received.map(({ body }) => (JSON.parse(body) as { username: string }).username)
  const typesFor = ({ id }: TestUser, received: readonly Received[]) =>
    received
      .map(({ body }) => JSON.parse(body) as { type: string; data: { user_id: number } })
      .filter(({ data }) => data.user_id === id)
      .map(({ type }) => type)

  test(
    'the messaging service receives a new name with a user token that this service refuses',
    { tags: ['OUT-6'] },
    async () => {
      const { person, rename } = await signedUp()
      const username = await rename()
      await settled()
      const [received] = messaging.received
      expect(received).toMatchObject({ method: 'POST', path: '/messaging/chats/update-chat-related-user' })
      const { body } = await service
        .client()
        .get(`/v1/users/${person.id}`, (await service.client().signIn({ ...person, username })).access_token)
      expect(JSON.parse(received?.body ?? '')).toEqual(body)
      const token = (received?.headers.authorization ?? '').replace('Bearer ', '')
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object
      expect(claims).toMatchObject({ user_id: person.id })
      expect(claims).not.toHaveProperty('aud')
      expectProblem(await service.client().get('/v1/users/me', token), 'invalid_access_token')
      expect((await operator().post('/v1/introspect', { token })).body).toEqual({ active: false })
    },
  )

  test('a look-up by the messaging service gets the new name after what was waiting for it', async () => {
    await messaging.down()
    const { person, rename } = await signedUp()
    const other = await signedUp()
    const username = await rename()
    await other.rename()
    await settled()
    expect((await list('?state=waiting&consumer=messaging')).items).toHaveLength(2)
    await messaging.up()
    // As messaging sends it, with the service key that it needs here.
    const { body } = await operator().post('/users/get-users-info', { user_ids: [person.id] })
    expect(body).toMatchObject([{ id: person.id, username }])
    // Although the next attempt was due in some seconds. The response waits for it only for a moment.
    await vi.waitFor(() => expect(usernames()).toEqual([username]), { timeout: 30_000 })
    await settled()
    const { items } = await list('?state=waiting&consumer=messaging')
    expect(items.map(({ event }) => event.user_id)).toEqual([other.person.id])
  })

  test('a look-up responds while a delivery takes long', { tags: ['OUT-10'] }, async () => {
    messaging.respond = refuse
    const { person, rename } = await signedUp()
    const username = await rename()
    await settled()
    const held = Promise.withResolvers<undefined>()
    const asked = Promise.withResolvers<undefined>()
    messaging.respond = (_, response) => {
      asked.resolve(undefined)
      void held.promise.then(() => response.writeHead(204).end())
    }
    const { body } = await operator().post('/users/get-users-info', { user_ids: [person.id] })
    expect(body).toMatchObject([{ id: person.id, username }])
    await asked.promise
    held.resolve(undefined)
    await settled()
  })

  test('all users are sent to the messaging service, and to no webhook, in batches', async () => {
    const people = [await signedUp(), await signedUp()]
    const hidden = await signedUp()
    await operator().post(`/v1/users/${hidden.person.id}/disable`, { reason: 'Spam' })
    await settled()
    hooks.received.length = 0
    const tell = (body: object) => operator().post('/v1/outbox/tell-messaging', body)
    const before = people[0]?.person.id ?? 0
    const first = await tell({ cursor: String(before - 1) })
    expect([first.status, first.body]).toEqual([200, { announced: 3, next_cursor: null }])
    expect((await tell({ cursor: String(before - 1) })).body).toEqual({ announced: 0, next_cursor: null })
    await settled()
    expect(usernames().toSorted()).toEqual(
      [...people, hidden].map(({ person }) => person.username).toSorted(),
    )
    expect(hooks.received).toEqual([])
    const { body: audit } = await operator().get('/v1/audit?action=users.announced')
    expect(audit).toMatchObject({
      items: [
        { actor: expect.stringMatching(/^service:/) as string, data: { consumer: 'messaging', count: 3 } },
      ],
    })
    expectRefusedFields(await tell({ cursor: 'x' }), { cursor: 'invalid_characters' })
  })

  test('a change succeeds while the messaging service is down and is delivered in order later', async () => {
    await messaging.down()
    const { person, rename } = await signedUp()
    await rename()
    await settled()
    await rename()
    const last = await rename()
    await settled()
    expect((await list('?state=waiting&consumer=messaging')).items).toMatchObject([
      { attempts: 1, last_error: 'the call failed: ECONNREFUSED', event: { user_id: person.id } },
      { attempts: 0, last_error: null },
      { attempts: 0 },
    ])
    // The other consumers did not wait for the messaging service.
    expect(typesFor(person, hooks.received)).toHaveLength(5)
    for (let seconds = 0; seconds < 60; seconds += 5) {
      service.clock.advance({ seconds: 5 })
      await settled()
    }
    expect(messaging.received).toEqual([])
    await messaging.up()
    service.clock.advance({ seconds: 160 })
    await settled()
    expect(usernames()).toEqual([last, last, last])
    expect((await list('?state=waiting')).items).toEqual([])
  })

  test('a webhook receives the events of a user in order', async () => {
    const { person, rename } = await signedUp()
    const username = await rename()
    await operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    await settled()
    expect(typesFor(person, hooks.received)).toEqual([
      'user.created',
      'session.created',
      'user.updated',
      'user.disabled',
      'session.ended',
    ])
    const updated = hooks.received.map(({ body }) => JSON.parse(body) as { type: string; data: object })
    expect(updated.find(({ type }) => type === 'user.updated')?.data).toEqual({
      user_id: person.id,
      username,
      changed: ['username'],
    })
  })

  test(
    'the outbox list pages waiting deliveries with their errors and hides event data',
    { tags: ['OUT-7'] },
    async () => {
      hooks.respond = refuse
      const { person, rename } = await signedUp()
      const username = await rename()
      await settled()
      const response = await operator().get('/v1/outbox?state=waiting&limit=2')
      expectPrivate(response)
      const first = response.body as Page
      expect(first.items[0]).toEqual({
        id: expect.stringMatching(/^\d+$/) as string,
        consumer: expect.stringMatching(new RegExp(`^${webhook}[0-9a-f]{8}$`)) as string,
        state: 'waiting',
        attempts: 1,
        last_error: 'responded with 500',
        dead_at: null,
        event: {
          id: hooks.received[0]?.headers['webhook-id'],
          type: 'user.created',
          user_id: person.id,
          occurred_at: expect.stringMatching(/Z$/) as string,
        },
        next_attempt_at: expect.stringMatching(/Z$/) as string,
      })
      const second = await list(`?state=waiting&limit=2&cursor=${first.next_cursor ?? ''}`)
      expect(second).toMatchObject({ items: [{ event: { type: 'user.updated' } }], next_cursor: null })
      const all = JSON.stringify([first, second])
      for (const hidden of [username, 'secret', person.email]) expect(all).not.toContain(hidden)
    },
  )

  test(
    'dead deliveries are listed and can be replayed one by one or all together',
    { tags: ['AUDIT-7'] },
    async () => {
      hooks.respond = refuse
      const { person, rename } = await signedUp()
      await rename()
      // Move each delivery to its last attempt.
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const { db } = service.service
        await settled()
        await db.updateTable('deliveries').set({ attempts: 74 }).where('dead_at', 'is', null).execute()
        service.clock.advance({ hours: 1 })
        await settled()
      }
      const { items } = await list()
      expect(items.map(({ event }) => event.type)).toEqual([
        'user.created',
        'session.created',
        'user.updated',
      ])
      expect(items[0]).toMatchObject({ state: 'dead', attempts: 75, next_attempt_at: null })
      const consumer = items[0]?.consumer ?? ''
      hooks.received.length = 0
      hooks.respond = (_, response) => response.writeHead(200).end()
      expect(await operator().post(`/v1/outbox/${items[1]?.id ?? ''}/replay`)).toMatchObject({ status: 204 })
      await settled()
      expect(typesFor(person, hooks.received)).toEqual(['session.created'])
      expect(await operator().post('/v1/outbox/replay', { consumer: 'messaging' })).toMatchObject({
        status: 200,
        body: { replayed: 0 },
      })
      expect((await operator().post('/v1/outbox/replay', { consumer })).body).toEqual({ replayed: 2 })
      await settled()
      expect(typesFor(person, hooks.received)).toEqual(['session.created', 'user.created', 'user.updated'])
      expect(hooks.received.map(({ headers }) => headers['webhook-id'])).toContain(items[0]?.event.id)
      expect((await list()).items).toEqual([])
      expectProblem(await operator().post(`/v1/outbox/${items[0]?.id ?? ''}/replay`), 'delivery_not_found')

      const { body } = await operator().get('/v1/audit?action=deliveries.replayed')
      const actor = expect.stringMatching(/^service:/) as string
      expect((body as { items: unknown }).items).toMatchObject([
        { actor, ip: '127.0.0.1', data: { consumer, count: 2 } },
        { actor, ip: '127.0.0.1', data: { consumer, count: 1 } },
      ])
    },
  )

  test.each([
    ['state=alive', 'state'],
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=x', 'cursor'],
    ['cursor=0', 'cursor'],
    ['cursor=99999999999999999999', 'cursor'],
    ['consumer=%00', 'consumer'],
  ])('an outbox list with %s is 422', async (query, field) => {
    const response = await operator().get(`/v1/outbox?${query}`)
    expect(response).toMatchObject({ status: 422, body: { errors: [{ field }] } })
  })

  test.each([[{}], [{ consumer: 7 }], [{ consumer: '' }], [{ consumer: '\0' }]])(
    'a replay of dead deliveries with the body %j is 422',
    async (body) => {
      const response = await operator().post('/v1/outbox/replay', body)
      expect(response).toMatchObject({ status: 422, body: { errors: [{ field: 'consumer' }] } })
    },
  )

  test('a replay with a malformed delivery id is 422, with an unknown one 404', async () => {
    expectRefusedFields(await operator().post('/v1/outbox/x/replay'), { id: 'invalid_characters' })
    expectProblem(await operator().post('/v1/outbox/999999999999999/replay'), 'delivery_not_found')
  })

  test.each([
    ['GET', '/v1/outbox'],
    ['POST', '/v1/outbox/1/replay'],
    ['POST', '/v1/outbox/replay'],
  ])('%s %s needs a service key', async (method, path) => {
    expectProblem(await new TestClient(service.internalUrl).request(method, path), 'invalid_service_key')
  })

  test('the log of deliveries contains no secrets and no event data', { tags: ['OUT-7'] }, () => {
    const text = JSON.stringify(service.logs.filter(({ event }) => /delivery|consumer/.test(String(event))))
    expect(text).toContain('delivery.failed')
    expect(text).toContain('responded with 500')
    const whole = JSON.stringify(service.logs)
    for (const secret of [KEY, SECRET, 'a-secret-in-the-address', 'no secrets of mine', 'Bearer ']) {
      expect(whole).not.toContain(secret)
    }
  })
})

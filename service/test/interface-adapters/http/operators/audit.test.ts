import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresAuditLog } from '../../../../src/infrastructure/postgres/postgres-audit-log.ts'
import type { UserId } from '../../../../src/domain/user.ts'
import { expectPrivate, expectRefusedFields } from '../../../support/http-expectations.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

interface Entry {
  readonly id: string
  readonly at: string
  readonly action: string
  readonly user_id: number | null
  readonly ip: string | null
  readonly request_id: string | null
}
interface Page {
  readonly items: readonly Entry[]
  readonly next_cursor: string | null
}

describe.each(databaseNames)('the audit log for operators, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const ask = (parameters: Record<string, string | number> = {}) => {
    const query = new URLSearchParams(
      Object.entries(parameters).map(([name, value]) => [name, String(value)] as [string, string]),
    )
    return service.operator().get(`/v1/audit?${query.toString()}`)
  }
  const list = async (parameters: Record<string, string | number> = {}): Promise<Page> => {
    const response = await ask(parameters)
    expect(response.status).toBe(200)
    return response.body as Page
  }
  const actionsOf = async (parameters: Record<string, string | number>) =>
    (await list(parameters)).items.map(({ action }) => action)

  test(
    'an entry shows who did what to whom, when, from where and in which request',
    { tags: ['AUDIT-2'] },
    async () => {
      const client = service.client('203.0.113.7')
      const { id, username, password } = await client.register()
      const headers = { 'user-agent': FIREFOX, 'x-request-id': 'sign-in-of-anna' }
      const signedIn = await client.request('POST', '/v1/sessions', { body: { username, password }, headers })
      await service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
      const response = await ask({ user_id: id })
      expectPrivate(response)
      const { items, next_cursor: next } = response.body as Page
      expect(next).toBeNull()
      expect(items.map(({ action }) => action)).toEqual([
        'session.ended',
        'user.disabled',
        'session.created',
        'user.created',
      ])
      expect(items[1]).toMatchObject({
        actor: expect.stringMatching(/^service:/) as string,
        data: { reason: 'Spam', until: null },
      })
      expect(items[2]).toEqual({
        id: expect.stringMatching(/^[1-9]\d*$/) as string,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
        actor: `user:${id}`,
        action: 'session.created',
        user_id: id,
        session_id: (signedIn.body as { session: { id: string } }).session.id,
        ip: '203.0.113.7',
        user_agent: FIREFOX,
        request_id: 'sign-in-of-anna',
        result: 'success',
        data: { device_name: 'Firefox on Linux', is_new_place: false },
      })
    },
  )

  test(
    'entries are found by user, actor, action, address, network and time, and by all together',
    { tags: ['AUDIT-2'] },
    async () => {
      const [home, away] = [service.client('2001:db8:7::1'), service.client('198.51.100.99')]
      const anna = await home.register()
      const bert = await away.register()
      service.clock.advance({ minutes: 1 })
      const from = service.clock.now().toISOString()
      await home.signIn(anna)
      await away.signIn(anna)
      await away.signIn(bert)
      service.clock.advance({ minutes: 1 })
      const to = service.clock.now().toISOString()
      await away.signIn(anna)

      const created = 'session.created'
      const ofAnna = { user_id: anna.id }
      expect(await actionsOf(ofAnna)).toEqual([created, created, created, 'user.created'])
      expect(await actionsOf({ actor: `user:${bert.id}` })).toEqual([created, 'user.created'])
      expect(await actionsOf({ ...ofAnna, action: 'user.created' })).toEqual(['user.created'])
      expect(await actionsOf({ ip: '2001:0db8:7:0::1' })).toEqual([created, 'user.created'])
      expect(await actionsOf({ ip: '2001:db8:7::/48' })).toEqual([created, 'user.created'])
      expect(await actionsOf({ ...ofAnna, ip: '::ffff:198.51.100.99' })).toEqual([created, created])
      expect(await actionsOf({ from, to, ip: '198.51.100.0/24' })).toEqual([created, created])
      const { items } = await list({ ...ofAnna, action: created, ip: '198.51.100.0/24', from, to, limit: 5 })
      expect(items).toMatchObject([{ user_id: anna.id, ip: '198.51.100.99', at: from }])
      expect(await actionsOf({ ...ofAnna, actor: `user:${bert.id}` })).toEqual([])
      expect(await actionsOf({ actor: 'service:unknown' })).toEqual([])
    },
  )

  test(
    'reading pages while entries are added neither loses nor repeats one',
    { tags: ['AUDIT-2'] },
    async () => {
      const log = new PostgresAuditLog(service.service.db)
      const { id } = await service.client().register()
      const since = +service.clock.now()
      const entry = (seconds: number, requestId: string) => ({
        at: new Date(since + seconds * 1_000),
        action: 'session.created',
        subject: id as UserId,
        requestId,
        result: 'success',
        data: {},
      })
      // Three at each time, so that pages end between entries of the same time.
      const names = Array.from({ length: 9 }, (_, number) => `before-${number}`)
      await log.add(names.map((name, number) => entry(10 + Math.floor(number / 3), name)))
      const seen: (string | null)[] = []
      let cursor: string | null = ''
      for (let page = 0; cursor !== null; page += 1) {
        const { items, next_cursor: next }: Page = await list({
          user_id: id,
          action: 'session.created',
          limit: 2,
          ...(cursor !== '' && { cursor }),
        })
        expect(items.length).toBeGreaterThan(0)
        seen.push(...items.map(({ request_id: name }) => name))
        cursor = next
        // The second of them was made earlier than it was written.
        await log.add([entry(20, `newer-${page}`), entry(11, `late-${page}`)])
        expect(page).toBeLessThan(20)
      }
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen).toEqual(expect.arrayContaining(names))
      expect(seen.filter((name) => name?.startsWith('newer'))).toEqual([])
    },
  )

  test('the audit log is listed in pages of 50 entries', async () => {
    const log = new PostgresAuditLog(service.service.db)
    const { id } = await service.client().register()
    const entry = { at: service.clock.now(), action: 'session.ended', subject: id as UserId }
    await log.add(Array.from({ length: 60 }, () => ({ ...entry, result: 'success', data: {} })))
    const first = await list({ user_id: id })
    expect(first.items).toHaveLength(50)
    const rest = await list({ user_id: id, cursor: first.next_cursor ?? '' })
    expect([rest.items.length, rest.next_cursor]).toEqual([11, null])
    expect((await list({ user_id: id, limit: 200 })).items).toHaveLength(61)
  })

  test.each([
    ...['', '0', '-1', '1.5', 'anna', '9007199254740993', '1 '].map((text) => ['user_id', text]),
    ...['', 'ops', 'service:', 'service:O', 'user:x', 'user:0', 'user:1:2', 'System', 'service:a\0'].map(
      (text) => ['actor', text],
    ),
    ...['', 'session.made', 'session', "' or 1=1 --"].map((text) => ['action', text]),
    ...['', 'localhost', '1.2.3', '203.0.113.7:80', '203.0.113.7/33', '203.0.113.7/', '203.0.113.7/08'].map(
      (text) => ['ip', text],
    ),
    ...['010.1.2.3', '203.0.113.0/24/24', '::1/129', 'fe80::1%eth0', 'fe80::%eth0/64', '/8', '\0'].map(
      (text) => ['ip', text],
    ),
    ...['', 'yesterday', '2026-01-31', '1769860800', '2026-02-30T12:00:00Z', '2026-01-31T12:00:00'].flatMap(
      (text) => [
        ['from', text],
        ['to', text],
      ],
    ),
    ...['0000-06-01T00:00:00Z', '0001-01-01T00:00:00+14:00', '9999-12-31T23:59:59-01:00'].flatMap((text) => [
      ['from', text],
      ['to', text],
    ]),
    ...['0', '201', '-1', '1.5', 'many', ''].map((text) => ['limit', text]),
  ])('a query with %s=%j is refused', async (field, text) => {
    const { status, body } = await ask({ [field]: text })
    expect([status, (body as { errors: { field: string }[] }).errors.map((each) => each.field)]).toEqual([
      422,
      [field],
    ])
  })

  test.each([
    'x',
    'null',
    '[]',
    '[1]',
    '[1,0]',
    '[1,-1]',
    '[1,1.5]',
    '["1",1]',
    '[1,"1"]',
    '[1,1,1]',
    '[null,1]',
    '[9e15,1]',
    '[253402300800000,1]',
    '[-62135596800001,1]',
    '[1,9007199254740993]',
    '["exact","ann",17]',
  ])('a cursor that the service did not issue is refused: %s', async (content) => {
    for (const cursor of [Buffer.from(content).toString('base64url'), content])
      expectRefusedFields(await ask({ cursor }), { cursor: 'invalid_format' })
  })

  test.each([
    ['the first time', { from: '0001-01-01T00:00:00Z' }],
    ['the last time', { to: '9999-12-31T23:59:59.999Z' }],
    ['the smallest networks', { ip: '::/128' }],
    ['the largest network', { ip: '0.0.0.0/0' }],
  ])('a query with %s is accepted', async (_title, parameters) => {
    await list(parameters)
  })

  test('unknown and repeated parameters are refused', { tags: ['AUDIT-2'] }, async () => {
    const unknown = await ask({ user: 17, since: '2026-01-31T12:00:00Z' })
    expectRefusedFields(unknown, { user: 'unknown_field', since: 'unknown_field' })
    const repeated = await service.operator().get('/v1/audit?user_id=1&user_id=2')
    expectRefusedFields(repeated, { user_id: 'invalid_type' })
  })
})

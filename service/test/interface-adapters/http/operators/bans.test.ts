import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestUser } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  type TestService,
  withoutMail,
} from '../../../support/test-service.ts'
import { expectProblem, expectRefusedFields } from '../../../support/http-expectations.ts'

const disabled = { status: 403, body: { code: 'user_disabled' } }
const DAY_MS = 24 * 3600 * 1000

describe.each(databaseNames)('bans, on %s', (database) => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService(database, withoutMail)
  })
  afterAll(() => service.stop())

  const disable = (id: number, body: object) => service.operator().post(`/v1/users/${id}/disable`, body)
  const enable = (id: number, body?: object) => service.operator().post(`/v1/users/${id}/enable`, body)
  const inspect = async (id: number) => (await service.operator().get(`/v1/users/${id}`)).body
  const signIn = ({ username, password }: Pick<TestUser, 'username' | 'password'>) =>
    service.client().post('/v1/sessions', { username, password })
  const daysAhead = (days: number) => new Date(+service.clock.now() + days * DAY_MS).toISOString()

  test(
    'a disabled user sees the public reason and the end, only with the right password',
    { tags: ['BAN-2'] },
    async () => {
      const ann = await service.client().register()
      const until = daysAhead(7)
      const ban = { reason: 'Spam', public_reason: 'Advertisements 🚫', until }
      expect((await disable(ann.id, ban)).status).toBe(204)
      const refused = await signIn(ann)
      expect(refused).toMatchObject(disabled)
      expect(refused.body).toMatchObject({ reason: 'Advertisements 🚫', until })
      expect(refused.body).toMatchObject({ detail: expect.stringContaining(until) as string })
      expect(JSON.stringify(refused.body)).not.toContain('Spam')
      const wrong = await signIn({ ...ann, password: 'not the password' })
      expectProblem(wrong, 'invalid_credentials')
      expect(JSON.stringify(wrong.body)).not.toContain('Advertisements')
    },
  )

  test('clients of the older routes show the reason and the end', { tags: ['BAN-2'] }, async () => {
    const ann = await service.client().register()
    const until = daysAhead(7)
    await disable(ann.id, { reason: 'Spam', public_reason: 'Advertisements', until })
    const { username, password } = ann
    const refused = await service.client().post('/sessions', { username, password })
    expect(refused).toMatchObject(disabled)
    const shown = `An operator has disabled this account until ${until}. Contact the operator of this service. The reason: Advertisements`
    expect(refused.body).toMatchObject({
      reason: 'Advertisements',
      until,
      details: { username: shown, password: shown },
    })
  })

  test('a ban without public reason and end shows neither', async () => {
    const ann = await service.client().register()
    await disable(ann.id, { reason: 'Spam' })
    const { body } = await signIn(ann)
    expect(body).not.toHaveProperty('reason')
    expect(body).not.toHaveProperty('until')
  })

  test('a ban ends by itself, without any task of the service', { tags: ['BAN-1'] }, async () => {
    const [ann, bob] = await Promise.all([service.client().register(), service.client().register()])
    const bobs = await service.client().signIn(bob)
    await disable(ann.id, { reason: 'Spam', until: daysAhead(7) })
    service.clock.advance({ days: 6, hours: 23 })
    expect(await signIn(ann)).toMatchObject(disabled)
    service.clock.advance({ hours: 1, seconds: 1 })
    expect((await signIn(ann)).status).toBe(201)
    expect(await inspect(ann.id)).toMatchObject({ disabled_at: null, disabled_until: null })
    const fresh = await service.client().refresh(bobs.refresh_token)
    const token = (fresh.body as { access_token: string }).access_token
    expect((await service.client().get(`/v1/users/${ann.id}`, token)).status).toBe(200)
  })

  test('a ban replaces an earlier one, and operators see all of it', { tags: ['BAN-1'] }, async () => {
    const ann = await service.client().register()
    await disable(ann.id, { reason: 'Spam' })
    const until = daysAhead(30)
    await disable(ann.id, { reason: 'Spam again', public_reason: 'Advertisements', until })
    expect(await inspect(ann.id)).toMatchObject({
      disabled_at: expect.stringMatching(/Z$/) as string,
      disabled_until: until,
      disabled_reason: 'Spam again',
      disabled_public_reason: 'Advertisements',
    })
    await disable(ann.id, { reason: 'For ever' })
    expect(await inspect(ann.id)).toMatchObject({
      disabled_until: null,
      disabled_reason: 'For ever',
      disabled_public_reason: null,
    })
  })

  test('an operator undoes a ban, with a note that only operators see', { tags: ['BAN-6'] }, async () => {
    const ann = await service.client().register()
    await disable(ann.id, { reason: 'Spam of Ann', public_reason: 'Advertisements', until: daysAhead(7) })
    expect((await enable(ann.id, { note: 'Appeal accepted' })).status).toBe(204)
    expect(await inspect(ann.id)).toMatchObject({ disabled_at: null, disabled_public_reason: null })
    const tokens = await service.client().signIn(ann)
    const { db } = service.service
    const event = db.selectFrom('outbox').select('data').where('user_id', '=', ann.id)
    expect(await event.where('type', '=', 'user.enabled').executeTakeFirst()).toEqual({
      data: { note: 'Appeal accepted' },
    })
    const exported = await service.client().get('/v1/users/me/export', tokens.access_token)
    const text = JSON.stringify(exported.body)
    expect(text).toContain('Advertisements')
    for (const hidden of ['Spam of Ann', 'Appeal accepted']) expect(text).not.toContain(hidden)
  })

  test(
    'an end that is misspelt, misplaced or impossible is refused, and no ban is made',
    { tags: ['BAN-3'] },
    async () => {
      const ann = await service.client().register()
      const tokens = await service.client().signIn(ann)
      const reason = 'Spam'
      const until = daysAhead(7)
      for (const field of ['Until', 'util', 'expires_at', 'public_Reason'])
        expectRefusedFields(await disable(ann.id, { reason, [field]: until }), { [field]: 'unknown_field' })
      const misplaced = `/v1/users/${ann.id}/disable?until=${encodeURIComponent(until)}`
      expectRefusedFields(await service.operator().post(misplaced, { reason }), { until: 'unknown_field' })
      for (const text of ['tomorrow', '', '2030-01-31', '2030-01-31T12:00:00', '2030-02-30T12:00:00Z'])
        expectRefusedFields(await disable(ann.id, { reason, until: text }), { until: 'invalid_format' })
      for (const value of [7, null, {}, true])
        expectRefusedFields(await disable(ann.id, { reason, until: value }), { until: 'invalid_type' })
      for (const end of [daysAhead(-1), daysAhead(3700), '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z'])
        expectRefusedFields(await disable(ann.id, { reason, until: end }), { until: 'out_of_range' })
      expectRefusedFields(await enable(ann.id, { reason }), { reason: 'unknown_field' })
      expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
    },
  )

  test('the end may have any offset', async () => {
    const ann = await service.client().register()
    const day = daysAhead(7).slice(0, 10)
    expect((await disable(ann.id, { reason: 'Spam', until: `${day}T01:30:00+05:30` })).status).toBe(204)
    const utc = new Date(`${day}T01:30:00+05:30`).toISOString()
    expect(await inspect(ann.id)).toMatchObject({ disabled_until: utc })
  })
})

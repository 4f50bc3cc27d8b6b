// Calls of the HTTP API and their entries in the audit log.
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseNames, startTestService, type TestService } from '../../support/test-service.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

describe.each(databaseNames)('the audit log on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  const rowsOf = async (userId: number) => {
    const { rows } = await sql<Record<string, unknown>>`
      select actor, action, session, host(ip) as ip, user_agent, request_id, result, data from audit_log
      where subject = ${userId} order by id`.execute(service.service.db)
    return rows
  }

  test('a sign-in can be joined to its address, browser and request', { tags: ['AUDIT-1'] }, async () => {
    const client = service.client('203.0.113.7')
    const { id, username, password } = await client.register()
    const headers = { 'user-agent': FIREFOX, 'x-request-id': 'sign-in-of-anna' }
    const { body } = await client.request('POST', '/v1/sessions', { body: { username, password }, headers })
    const { session } = body as { session: { id: string } }
    const [created, signedIn] = await rowsOf(id)
    expect(created).toMatchObject({ action: 'user.created', actor: `user:${id}`, ip: '203.0.113.7' })
    expect(signedIn).toEqual({
      actor: `user:${id}`,
      action: 'session.created',
      session: session.id,
      ip: '203.0.113.7',
      user_agent: FIREFOX,
      request_id: 'sign-in-of-anna',
      result: 'success',
      data: { device_name: 'Firefox on Linux', is_new_place: false },
    })
  })

  test('a change names the session in which it was made', { tags: ['AUDIT-1'] }, async () => {
    const client = service.client()
    const person = await client.register()
    const { access_token: token, session } = await client.signIn(person)
    const changed = await client.patch('/v1/users/me', { username: `${person.username}x` }, token)
    expect(changed.status).toBe(200)
    expect((await rowsOf(person.id)).at(-1)).toMatchObject({ action: 'user.updated', session: session.id })
  })

  test('a change by an operator names the service key and its address', { tags: ['AUDIT-1'] }, async () => {
    const { id } = await service.client().register()
    await service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
    expect((await rowsOf(id)).at(-1)).toMatchObject({
      action: 'user.disabled',
      actor: expect.stringMatching(/^service:/) as string,
      ip: '127.0.0.1',
      data: { reason: 'Spam', public_reason: null, until: null },
    })
  })
})

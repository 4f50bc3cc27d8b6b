import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectEnded, expectPrivate, expectProblem, expectRefusedFields, SESSION } from './expectations.ts'

describe.each(databaseNames)('sessions, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  /** Somebody signed in on three devices, one after the other. */
  const signedIn = async () => {
    const person = await service.client().register()
    const sessions: Tokens[] = []
    for (const device_name of ['first', 'second', 'third']) {
      sessions.push(await service.client('203.0.113.5').signIn(person, { device_name }))
      service.clock.advance({ seconds: 1 })
    }
    const [first, second, third] = sessions as [Tokens, Tokens, Tokens]
    return { person, first, second, third }
  }
  const end = (which: string, { access_token: token }: Tokens) =>
    service.client().delete(`/v1/sessions${which}`, token)
  const list = ({ access_token: token }: Tokens) => service.client().get('/v1/sessions', token)
  const names = async (tokens: Tokens) =>
    ((await list(tokens)).body as { items: { device_name: string }[] }).items.map(
      ({ device_name }) => device_name,
    )
  const endedAs = async ({ access_token: access, refresh_token: token }: Tokens, reason: string) => {
    expectEnded(await service.client().get('/v1/users/me', access), reason)
    expectEnded(await service.client().refresh(token), reason)
  }
  const isLive = async ({ access_token: token }: Tokens) =>
    (await service.client().get('/v1/users/me', token)).status === 200
  const ended = { status: 204, body: undefined }

  test('are listed newest first, whole, and with the one that asks marked', async () => {
    const { first, second, third } = await signedIn()
    const answer = await list(second)
    expect(answer.status).toBe(200)
    const shown = ({ session }: Tokens, device_name: string, current: boolean) => ({
      ...SESSION,
      ...{ id: session.id, device_name, ip: '203.0.113.5', current },
    })
    expect(answer.body).toEqual({
      items: [shown(third, 'third', false), shown(second, 'second', true), shown(first, 'first', false)],
    })
    expectPrivate(answer)
  })

  test('last_seen_at follows the use of the access token', async () => {
    const { first } = await signedIn()
    const lastSeen = async () => {
      const { items } = (await list(first)).body as { items: { device_name: string; last_seen_at: string }[] }
      return Date.parse(items.find(({ device_name }) => device_name === 'first')?.last_seen_at ?? '')
    }
    const before = await lastSeen()
    service.clock.advance({ minutes: 5 })
    const next = (await service.client().refresh(first.refresh_token)).body as Tokens
    await service.client().get('/v1/users/me', next.access_token)
    await service.service.receipts.flush()
    expect(await lastSeen()).toBeGreaterThanOrEqual(before + 300_000)
  })

  test('signing out ends the session that asks, at once, and no other', async () => {
    const { first, second } = await signedIn()
    const answer = await end('/current', first)
    expect(answer).toMatchObject(ended)
    expectPrivate(answer)
    await endedAs(first, 'signed_out')
    expect(await names(second)).toEqual(['third', 'second'])
  })

  test('an ended session can do nothing more, and stays ended as it was', async () => {
    const { first, second } = await signedIn()
    await end('/current', first)
    for (const which of ['/current', '', '?keep=current', `/${second.session.id}`]) {
      expectEnded(await end(which, first), 'signed_out')
    }
    expectEnded(await list(first), 'signed_out')
    expect(await end(`/${first.session.id}`, second)).toMatchObject(ended)
    await endedAs(first, 'signed_out')
  })

  test('one of the own sessions is ended by its id, as terminated; repeating it changes nothing', async () => {
    const { first, second } = await signedIn()
    for (let time = 0; time < 2; time += 1)
      expect(await end(`/${first.session.id}`, second)).toMatchObject(ended)
    await endedAs(first, 'terminated')
    const { db } = service.service
    expect(
      await db.selectFrom('revocations').selectAll().where('session_id', '=', first.session.id).execute(),
    ).toHaveLength(1)
  })

  test('the own session may be ended by its id, too: that is signing out', async () => {
    const { first } = await signedIn()
    expect(await end(`/${first.session.id}`, first)).toMatchObject(ended)
    await endedAs(first, 'signed_out')
  })

  test('all are ended at once: the own as signed out, the others as terminated', async () => {
    const { first, second, third } = await signedIn()
    expect(await end('', second)).toMatchObject(ended)
    await endedAs(first, 'terminated')
    await endedAs(second, 'signed_out')
    await endedAs(third, 'terminated')
  })

  test('all but the current one are ended', async () => {
    const { first, second, third } = await signedIn()
    for (let time = 0; time < 2; time += 1) expect(await end('?keep=current', second)).toMatchObject(ended)
    await endedAs(first, 'terminated')
    await endedAs(third, 'terminated')
    expect(await names(second)).toEqual(['second'])
  })

  test('anything but current to keep is refused, and ends nothing', async () => {
    const { first, second } = await signedIn()
    for (const query of ['?keep=other', '?keep=', '?keep=Current', '?keep=current&keep=current']) {
      expectRefusedFields(await end(query, first), { keep: 'invalid_format' })
    }
    expect(await isLive(second)).toBe(true)
  })

  test('the session of somebody else is not found, like one that never was', async () => {
    const [ann, bob] = [await signedIn(), await signedIn()]
    const never = await end(`/${randomUUID()}`, ann.first)
    const theirs = await end(`/${bob.first.session.id}`, ann.first)
    expectProblem(never, 'session_not_found')
    expectProblem(theirs, 'session_not_found')
    expect(await isLive(bob.first)).toBe(true)
  })

  test.each([
    'x',
    '%00',
    "'; drop table sessions",
    '1',
    'CURRENT',
    '0'.repeat(500),
    encodeURIComponent('🙂'),
  ])('there is no session with the id %s', async (id) => {
    const { first } = await signedIn()
    expectProblem(await end(`/${id}`, first), 'session_not_found')
  })

  test('nobody sees the sessions of others', async () => {
    const [ann] = [await signedIn(), await signedIn()]
    expect(await names(ann.first)).toHaveLength(3)
  })

  test('a session that has run out is not listed, and its end is said to be expiry', async () => {
    const { person, first } = await signedIn()
    service.clock.advance({ days: 29 })
    const fresh = await service.client().signIn(person, { device_name: 'fresh' })
    service.clock.advance({ days: 1, seconds: 1 })
    // Keys are renewed each minute; the clock has just leapt over some.
    await service.service.rotateKeys()
    const refreshed = (await service.client().refresh(fresh.refresh_token)).body as Tokens
    expect(await names(refreshed)).toEqual(['fresh'])
    expectEnded(await service.client().refresh(first.refresh_token), 'expired')
  })

  test('the clean-up marks what ran out as expired, with an event and without a revocation', async () => {
    const { first } = await signedIn()
    service.clock.advance({ days: 31 })
    await service.service.rotateKeys()
    expect(await service.service.useCases.expireSessions(500)).toBeGreaterThanOrEqual(3)
    const { db } = service.service
    const row = await db
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', first.session.id)
      .executeTakeFirstOrThrow()
    expect(row.end_reason).toBe('expired')
    expect(
      await db.selectFrom('revocations').selectAll().where('session_id', '=', first.session.id).execute(),
    ).toEqual([])
    expectEnded(await service.client().refresh(first.refresh_token), 'expired')
  })
})

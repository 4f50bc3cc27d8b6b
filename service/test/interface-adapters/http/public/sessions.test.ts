import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
  SESSION,
} from '../../../support/http-expectations.ts'

describe.each(databaseNames)('sessions, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  /** A user signed in on three devices, one after the other. */
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

  test('sessions are listed newest first, and the calling session is marked as current', async () => {
    const { first, second, third } = await signedIn()
    const response = await list(second)
    expect(response.status).toBe(200)
    const shown = ({ session }: Tokens, device_name: string, current: boolean) => ({
      ...SESSION,
      id: session.id,
      device_name,
      ip: '203.0.113.5',
      current,
    })
    expect(response.body).toEqual({
      items: [shown(third, 'third', false), shown(second, 'second', true), shown(first, 'first', false)],
    })
    expectPrivate(response)
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

  test('signing out immediately ends the calling session and no other', { tags: ['SESSION-1'] }, async () => {
    const { first, second } = await signedIn()
    const response = await end('/current', first)
    expect(response).toMatchObject(ended)
    expectPrivate(response)
    await endedAs(first, 'signed_out')
    expect(await names(second)).toEqual(['third', 'second'])
  })

  test('an ended session can do nothing, and its end reason does not change', async () => {
    const { first, second } = await signedIn()
    await end('/current', first)
    for (const which of ['/current', '', '?keep=current', `/${second.session.id}`]) {
      expectEnded(await end(which, first), 'signed_out')
    }
    expectEnded(await list(first), 'signed_out')
    expect(await end(`/${first.session.id}`, second)).toMatchObject(ended)
    await endedAs(first, 'signed_out')
  })

  test(
    'a user ends another own session by its id; repeating it changes nothing',
    { tags: ['SESSION-11'] },
    async () => {
      const { first, second } = await signedIn()
      for (let time = 0; time < 2; time += 1)
        expect(await end(`/${first.session.id}`, second)).toMatchObject(ended)
      await endedAs(first, 'terminated')
      const { db } = service.service
      expect(
        await db.selectFrom('revocations').selectAll().where('session_id', '=', first.session.id).execute(),
      ).toHaveLength(1)
    },
  )

  test('ending the calling session by its id counts as signing out', async () => {
    const { first } = await signedIn()
    expect(await end(`/${first.session.id}`, first)).toMatchObject(ended)
    await endedAs(first, 'signed_out')
  })

  test('ending all sessions ends the own as signed_out and the others as terminated', async () => {
    const { first, second, third } = await signedIn()
    expect(await end('', second)).toMatchObject(ended)
    await endedAs(first, 'terminated')
    await endedAs(second, 'signed_out')
    await endedAs(third, 'terminated')
  })

  test('ending all sessions with keep=current keeps only the calling session', async () => {
    const { first, second, third } = await signedIn()
    for (let time = 0; time < 2; time += 1) expect(await end('?keep=current', second)).toMatchObject(ended)
    await endedAs(first, 'terminated')
    await endedAs(third, 'terminated')
    expect(await names(second)).toEqual(['second'])
  })

  test('ending all sessions with any other keep is refused and ends nothing', async () => {
    const { first, second } = await signedIn()
    for (const query of ['?keep=other', '?keep=', '?keep=Current', '?keep=current&keep=current']) {
      expectRefusedFields(await end(query, first), { keep: 'invalid_format' })
    }
    expect(await isLive(second)).toBe(true)
  })

  test(
    'the session of another user gets the response of an unknown session',
    { tags: ['SESSION-11'] },
    async () => {
      const [ann, bob] = [await signedIn(), await signedIn()]
      const never = await end(`/${randomUUID()}`, ann.first)
      const theirs = await end(`/${bob.first.session.id}`, ann.first)
      expectProblem(never, 'session_not_found')
      expectProblem(theirs, 'session_not_found')
      expect(await isLive(bob.first)).toBe(true)
    },
  )

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

  test('a user does not see the sessions of other users', { tags: ['SESSION-11'] }, async () => {
    const [ann] = [await signedIn(), await signedIn()]
    expect(await names(ann.first)).toHaveLength(3)
  })

  test('an expired session is not listed, and its end reason is expired', async () => {
    const { person, first } = await signedIn()
    service.clock.advance({ days: 29 })
    const fresh = await service.client().signIn(person, { device_name: 'fresh' })
    service.clock.advance({ days: 1, seconds: 1 })
    // Signing keys are rotated each minute, and the clock has skipped some rotations.
    await service.service.rotateKeys()
    const refreshed = (await service.client().refresh(fresh.refresh_token)).body as Tokens
    expect(await names(refreshed)).toEqual(['fresh'])
    expectEnded(await service.client().refresh(first.refresh_token), 'expired')
  })

  test('the clean-up marks expired sessions as expired without a revocation', async () => {
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

// Ending the sessions of all users on a running system, as verifiers and sockets see it.
import { beforeAll, describe, expect, test } from 'vitest'
import { copiesOf } from '../service/test/support/copied-users.ts'
import { queryOn } from '../service/test/support/database-query.ts'
import type { Tokens } from '../service/test/support/test-client.ts'
import type { TestService } from '../service/test/support/test-service.ts'
import { ACCEPTED, connect, endedAs, signedIn, verdictOnToken, waitUntil } from './connected.ts'
import { startPair } from './instance-pair.ts'

/** More than one call ends. */
const OTHERS = 600

let one: TestService
let other: TestService
let databaseUrl: string

beforeAll(async () => {
  const pair = await startPair()
  ;[one, other] = pair.instances
  databaseUrl = pair.databaseUrl
  return pair.stop
})

interface Batch {
  readonly ended: number
  readonly next_cursor: string | null
}

async function endBatch(cursor?: string | null): Promise<Batch> {
  const query = typeof cursor === 'string' ? `?cursor=${cursor}` : ''
  const { status, body } = await one.operator().delete(`/v1/sessions${query}`)
  if (status !== 200) throw new Error(`got status ${status}: ${JSON.stringify(body)}`)
  return body as Batch
}

async function liveCount(): Promise<number> {
  const { body } = await other.operator().get('/v1/sessions/count')
  return (body as { live: number }).live
}

/** A session for each of so many users more. */
async function addSessions(count: number): Promise<void> {
  const { person } = await signedIn(one)
  await copiesOf(person, count, databaseUrl)
  await queryOn(databaseUrl)(
    `insert into sessions (user_id, id, generation, confirmed_generation, created_at, refreshed_at, last_seen_at,
       idle_expires_at, expires_at, check_after, device_name, user_agent, address, auth_time, amr)
     select users.id, gen_random_uuid(), 0, 0, now(), now(), now(), now() + '30 days', now() + '90 days',
       now() + '30 days', '', '', '192.0.2.1', now(), '{pwd}'
     from users where users.username like 'copy%'`,
  )
}

describe('ending the sessions of all users', () => {
  test(
    'every session ends everywhere, and nobody who signs in meanwhile or later is affected',
    { tags: ['ACCOUNT-6'] },
    async () => {
      const verifier = await connect(other)
      const guard = verifier.guardSockets()
      const before = [await signedIn(one), await signedIn(other)]
      const closings: number[] = []
      const open = async ({ access_token: token }: Tokens): Promise<void> =>
        guard.hold(
          { close: (code) => closings.push(code), once: () => undefined },
          await verifier.verify(token),
        )
      for (const { tokens } of before) await open(tokens)
      await addSessions(OTHERS)
      // Two signed in, one was copied, and its own session.
      const all = OTHERS + before.length + 1
      expect(await liveCount()).toBe(all)

      const first = await endBatch()
      expect(first).toEqual({ ended: 500, next_cursor: expect.any(String) as string })
      one.clock.advance({ seconds: 2 })
      other.clock.advance({ seconds: 2 })
      const meanwhile = await signedIn(other)
      await open(meanwhile.tokens)
      const second = await endBatch(first.next_cursor)
      expect(second.ended).toBe(all - 500)
      expect(await endBatch(second.next_cursor)).toEqual({ ended: 0, next_cursor: null })
      const later = await signedIn(one)
      await open(later.tokens)

      await waitUntil(() => guard.size === 2)
      expect(closings).toEqual([4401, 4401])
      for (const { tokens, client } of before) {
        expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('terminated_by_admin'))
        expect((await client.refresh(tokens.refresh_token)).body).toMatchObject({
          code: 'session_ended',
          reason: 'terminated_by_admin',
        })
      }
      for (const { tokens, client } of [meanwhile, later]) {
        expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)
        expect((await client.refresh(tokens.refresh_token)).status).toBe(200)
      }
      expect(await liveCount()).toBe(2)
      const [recorded] = await queryOn(databaseUrl)<{ count: string; actors: string[] }>(
        `select count(*), array_agg(distinct actor) as actors from audit_log where action = 'session.ended'`,
      )
      expect(recorded).toEqual({ count: String(all), actors: ['service:tests'] })
    },
  )

  test('a session that a clock ahead of now has begun ends too', async () => {
    one.clock.advance({ hours: 1 })
    const ahead = await signedIn(one)
    one.clock.advance({ hours: -1 })
    await endBatch()
    expect((await ahead.client.refresh(ahead.tokens.refresh_token)).body).toMatchObject({
      code: 'session_ended',
    })
  })

  test.each([
    'x',
    'WzFd',
    'WzEsMSwieCJd',
    'WzllMzAsMSwiMDE5YmQwYTQtNWEzYy03YzdlLTlhNTMtMWM3ZjVhMWY3ZTExIl0',
    'WzFlMTUsMSwiMDE5YmQwYTQtNWEzYy03YzdlLTlhNTMtMWM3ZjVhMWY3ZTExIl0',
  ])('the cursor %j, which is none of the service, is refused, and no session ends', async (cursor) => {
    const { tokens } = await signedIn(one)
    const { status, body } = await one.operator().delete(`/v1/sessions?cursor=${cursor}`)
    expect([status, body]).toMatchObject([422, { errors: [{ field: 'cursor' }] }])
    expect((await one.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
  })
})

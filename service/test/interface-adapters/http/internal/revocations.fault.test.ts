import { once } from 'node:events'
import { connect } from 'node:net'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Database } from '../../../../src/infrastructure/postgres/database.ts'
import { FeedReader } from '../../../support/feed-reader.ts'
import { waitingForLocks } from '../../../support/lock-waits.ts'
import { TestClient, type TestUser, type Tokens } from '../../../support/test-client.ts'
import {
  databaseNames,
  migratedDatabase,
  startOn,
  startTestService,
  type TestService,
} from '../../../support/test-service.ts'
import { expectProblem } from '../../../support/http-expectations.ts'

const MINUTES = 60_000
const FILL = 5_000

const readers: FeedReader[] = []
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close()
})

async function read({ internalUrl, serviceKey }: TestService, lastEventId?: string): Promise<FeedReader> {
  const reader = await FeedReader.open(internalUrl, serviceKey, lastEventId)
  readers.push(reader)
  return reader
}

interface SignedIn {
  readonly client: TestClient
  readonly person: TestUser
  readonly tokens: Tokens
}

async function signedIn(service: TestService): Promise<SignedIn> {
  const client = service.client()
  const person = await client.register()
  return { client, person, tokens: await client.signIn(person) }
}

const signOut = ({ client, tokens }: SignedIn) => client.delete('/v1/sessions/current', tokens.access_token)
const knows = (sid: string) => (reader: FeedReader) => reader.rows.some((row) => row['sid'] === sid)
const hasHeartbeat = (reader: FeedReader) => reader.named('heartbeat').length > 0

/** Revocations of sessions that do not exist. Only their number matters. */
const fillLog = (db: Database, round: number) =>
  sql`insert into revocations (session_id, user_id, reason, expires_at)
    select ('00000000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 1, 'signed_out', now() + interval '1 hour'
    from generate_series(${round * FILL + 1}::int, ${(round + 1) * FILL}::int) as number`.execute(db)

const ELSEWHERE = '00000000-0000-7000-8000-00000000abcd'

/** Writes a revocation on its own connection, as an idle second instance would. */
async function writeElsewhere(url: string, sid: string): Promise<void> {
  const other = new pg.Client(url)
  await other.connect()
  await other.query(
    `insert into revocations (session_id, user_id, reason, expires_at)
     values ($1, 1, 'signed_out', now() + interval '1 hour')`,
    [sid],
  )
  await other.end()
}

describe.each(databaseNames)('the revocation feed on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  test('the feed starts with a snapshot and a heartbeat at the same seq', async () => {
    await signOut(await signedIn(service))
    const reader = await read(service)
    await reader.until(hasHeartbeat)
    const [snapshot, heartbeat] = reader.events
    expect([snapshot?.event, heartbeat?.event]).toEqual(['snapshot', 'heartbeat'])
    expect(snapshot?.id).toBeGreaterThan(0)
    expect([snapshot?.data['seq'], heartbeat?.id, heartbeat?.data['seq']]).toEqual(
      Array.from({ length: 3 }, () => snapshot?.id),
    )
    expect(String(heartbeat?.data['server_time']) >= String(snapshot?.data['server_time'])).toBe(true)
  })

  test('the feed reports an ended session with its user, its reason and its expiry', async () => {
    const reader = await read(service)
    await reader.until(hasHeartbeat)
    const before = service.clock.now()
    const someone = await signedIn(service)
    await signOut(someone)
    const { id: sid } = someone.tokens.session
    await reader.until(knows(sid))
    const { event, id, data } = reader.events.find((each) => each.data['sid'] === sid) ?? {}
    const row = { seq: id, sid, user_id: someone.person.id, reason: 'signed_out' }
    expect([event, data]).toEqual(['revoked', { ...row, expires_at: expect.any(String) as string }])
    const keptMs = Date.parse(data?.['expires_at'] as string) - +before
    // The ten minutes of the access token and one minute of margin.
    expect(keptMs).toBeGreaterThanOrEqual(660_000)
    expect(keptMs).toBeLessThan(720_000)
  })

  test('the feed sends heartbeats, each with the time the log was read', async () => {
    const reader = await read(service)
    await reader.until(() => reader.named('heartbeat').length >= 3)
    const times = reader.named('heartbeat').map(({ data }) => data['server_time'] as string)
    expect(times).toEqual(times.toSorted())
    expect(new Set(times).size).toBe(times.length)
    for (const time of times) expect(new Date(time).toISOString()).toBe(time)
  })

  test('every reader of the feed gets the same seqs in the same order, without gaps', async () => {
    const [one, other] = await Promise.all([read(service), read(service)])
    await Promise.all([one.until(hasHeartbeat), other.until(hasHeartbeat)])
    const people = await Promise.all(Array.from({ length: 4 }, () => signedIn(service)))
    await Promise.all(people.map(signOut))
    for (const { tokens } of people)
      await Promise.all([one.until(knows(tokens.session.id)), other.until(knows(tokens.session.id))])
    const places = one.named('revoked').map(({ id }) => id)
    const first = places[0] ?? 0
    expect(places).toEqual(places.map((_, at) => first + at))
    expect(other.named('revoked').map(({ id }) => id)).toEqual(places)
  })

  test('a feed reader that reconnects receives only the revocations it missed', async () => {
    const first = await read(service)
    await first.until(hasHeartbeat)
    const { id: seen = -1, place } = first.events.at(-1) ?? {}
    first.close()
    const someone = await signedIn(service)
    await signOut(someone)
    const second = await read(service, place)
    await second.until(hasHeartbeat)
    expect(second.named('snapshot')).toEqual([])
    expect(second.named('revoked').map(({ id, data }) => [id, data['sid']])).toEqual([
      [seen + 1, someone.tokens.session.id],
    ])
  })

  test.each(['999999', '-1', '1.5', 'nonsense', '', '1e3', '0x10', '99999999999999999999'])(
    'a feed reader with the unusable Last-Event-ID %j gets a snapshot',
    async (lastEventId) => {
      const reader = await read(service, lastEventId)
      await reader.until(hasHeartbeat)
      expect(reader.events[0]?.event).toBe('snapshot')
    },
  )

  test('the whole revocation log is also served as JSON', async () => {
    const someone = await signedIn(service)
    await signOut(someone)
    const { status, headers, body } = await service.operator().get('/v1/revocations')
    const { seq, revocations } = body as { seq: number; revocations: { seq: number; sid: string }[] }
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(revocations.at(-1)).toMatchObject({ seq, sid: someone.tokens.session.id, reason: 'signed_out' })
  })

  test('the feed is an event stream that proxies must not cache or buffer', async () => {
    const { response } = await read(service)
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.any(String) as string,
    })
  })

  test.each(['/v1/revocations', '/v1/revocations/stream'])('%s needs a service key', async (path) => {
    expectProblem(await new TestClient(service.internalUrl).get(path), 'invalid_service_key')
    const { tokens } = await signedIn(service)
    expectProblem(
      await new TestClient(service.internalUrl).get(path, tokens.access_token),
      'invalid_service_key',
    )
    expectProblem(await service.client().get(path), 'not_found')
  })

  test('the feed drops a revocation when no token of the session can be valid', async () => {
    const own = await startTestService(database)
    try {
      const someone = await signedIn(own)
      await signOut(someone)
      own.clock.advance({ minutes: 10, seconds: 50 })
      const early = await read(own)
      await early.until(knows(someone.tokens.session.id))
      own.clock.advance({ seconds: 20 })
      const late = await read(own)
      await late.until(hasHeartbeat)
      expect(late.events[0]).toMatchObject({ event: 'snapshot', data: { seq: 1, revocations: [] } })
      // A reader from before the dropped revocation cannot resume and gets a snapshot.
      const behind = await read(own, '0')
      await behind.until(hasHeartbeat)
      expect(behind.events[0]?.event).toBe('snapshot')
    } finally {
      await own.stop()
    }
  })

  test('the feed disconnects its readers when an old backup was restored', async () => {
    const own = await startTestService(database)
    try {
      const [kept, lost] = [await signedIn(own), await signedIn(own)]
      await signOut(kept)
      const reader = await read(own)
      await reader.until(knows(kept.tokens.session.id))
      await signOut(lost)
      await reader.until(knows(lost.tokens.session.id))
      const { db } = own.service
      await db.transaction().execute(async (tx) => {
        await sql`delete from revocations where session_id = ${lost.tokens.session.id}`.execute(tx)
        await sql`update revocation_log set last_seq = last_seq - 1`.execute(tx)
      })
      expect(await reader.ended).toBe('cut off')
      const again = await read(own, reader.events.at(-1)?.place)
      await again.until(hasHeartbeat)
      expect(again.events[0]?.event).toBe('snapshot')
      expect([kept, lost].map(({ tokens }) => knows(tokens.session.id)(again))).toEqual([true, true])
    } finally {
      await own.stop()
    }
  })
})

describe('the revocation feed at shutdown', () => {
  test('at shutdown feed streams end cleanly and say when to reconnect', async () => {
    const service = await startTestService('PGlite')
    const streams = await Promise.all(Array.from({ length: 20 }, () => read(service)))
    await Promise.all(streams.map((reader) => reader.until(hasHeartbeat)))
    await service.stop()
    expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual(streams.map(() => 'in order'))
    const waits = streams.map(({ retryMs }) => retryMs ?? 0)
    for (const wait of waits) expect(wait).toBeGreaterThan(0)
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(1_000)
    // Readers reconnect at different moments, so that the next instance gets no burst.
    expect(new Set(waits).size).toBeGreaterThan(5)
  })
})

describe('a stuck feed reader', () => {
  test(
    'a feed reader that stops reading is dropped, and other readers continue',
    { timeout: 2 * MINUTES },
    async () => {
      const service = await startTestService('PGlite')
      try {
        const { db } = service.service
        const healthy = await read(service)
        const stuck = connect(Number(new URL(service.internalUrl).port), '127.0.0.1')
        stuck.on('error', () => undefined)
        stuck.pause()
        stuck.write(
          `GET /v1/revocations/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${service.serviceKey}\r\n\r\n`,
        )
        const closed = once(stuck, 'close')
        await healthy.until(hasHeartbeat)
        await vi.waitUntil(() => service.service.stream.readerCount === 2)
        // Write more than the buffers of both sides hold.
        for (let round = 0; ; round += 1) {
          await fillLog(db, round)
          await healthy.until(({ rows }) => rows.length >= (round + 1) * FILL)
          if (service.service.stream.readerCount === 1) break
          expect(round).toBeLessThan(100)
        }
        stuck.resume()
        await closed
        expect(healthy.response.closed).toBe(false)
      } finally {
        await service.stop()
      }
    },
  )
})

describe('two instances on one database', () => {
  test(
    'the feed continues while a burst of requests waits for the database',
    { timeout: MINUTES },
    async () => {
      const place = await migratedDatabase()
      const service = await startOn(place, { DATABASE_POOL_SIZE: '10' })
      const holder = new pg.Client(place.url)
      await holder.connect()
      try {
        const { client, person, tokens } = await signedIn(service)
        const all = [tokens]
        while (all.length < 12) all.push(await client.signIn(person))
        const reader = await read(service)
        await reader.until(hasHeartbeat)

        await holder.query('begin')
        await holder.query('select from users where id = $1 for update', [person.id])
        let responded = 0
        const burst = all.map(async (one) => {
          const { status } = await signOut({ client, person, tokens: one })
          responded += 1
          return status
        })
        // Every connection for requests is in use.
        await waitingForLocks(place.url, 10)
        const before = reader.named('heartbeat').length
        await writeElsewhere(place.url, ELSEWHERE)
        await reader.until(knows(ELSEWHERE))
        // Wait no longer than this: after three seconds without a lock the first requests are refused.
        await reader.until(() => reader.named('heartbeat').length > before)
        expect(responded).toBe(0)

        await holder.query('commit')
        expect(await Promise.all(burst)).toEqual(all.map(() => 204))
        for (const { session } of all) await reader.until(knows(session.id))
      } finally {
        await holder.end()
        await service.stop()
      }
    },
  )

  test('a session that ends on one instance is on the feed of the other', async () => {
    const place = await migratedDatabase()
    const [one, other] = await Promise.all([startOn(place), startOn(place)])
    try {
      const reader = await read(other)
      await reader.until(hasHeartbeat)
      const someone = await signedIn(one)
      await signOut(someone)
      await reader.until(knows(someone.tokens.session.id))
      // A reader that changes instances resumes at its seq.
      const { id, place } = reader.events.at(-1) ?? {}
      const moved = await read(one, place)
      await moved.until(hasHeartbeat)
      expect(moved.events[0]).toMatchObject({ event: 'heartbeat', id })
    } finally {
      await one.service.stop()
      await other.stop()
    }
  })
})

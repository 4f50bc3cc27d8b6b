import { once } from 'node:events'
import { connect } from 'node:net'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/infrastructure/postgres/database.ts'
import { FeedReader } from '../support/feed-reader.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { TestClient, type Person, type Tokens } from '../support/test-client.ts'
import {
  databaseNames,
  migratedDatabase,
  startOn,
  startTestService,
  type TestService,
} from '../support/test-service.ts'
import { expectProblem } from './expectations.ts'

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
  readonly person: Person
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

/** Revocations of sessions that never were: it is their number that counts. */
const fillLog = (db: Database, round: number) =>
  sql`insert into revocations (session_id, user_id, reason, expires_at)
    select ('00000000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 1, 'signed_out', now() + interval '1 hour'
    from generate_series(${round * FILL + 1}::int, ${(round + 1) * FILL}::int) as number`.execute(db)

const ELSEWHERE = '00000000-0000-7000-8000-00000000abcd'

/** As another instance would, which is busy with nothing. */
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

  test('starts with a snapshot and a heartbeat, at the same place', async () => {
    await signOut(await signedIn(service))
    const reader = await read(service)
    await reader.until(hasHeartbeat)
    const [snapshot, heartbeat] = reader.events
    expect([snapshot?.event, heartbeat?.event]).toEqual(['snapshot', 'heartbeat'])
    expect(snapshot?.id).toBeGreaterThan(0)
    expect([snapshot?.data['seq'], heartbeat?.id, heartbeat?.data['seq']]).toEqual(
      Array.from({ length: 3 }, () => snapshot?.id),
    )
    expect(heartbeat?.data['server_time']).toBe(snapshot?.data['server_time'])
  })

  test('tells of a session that ends: whose, why, and how long that is of interest', async () => {
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
    // The access token's ten minutes and a minute of margin.
    expect(keptMs).toBeGreaterThanOrEqual(660_000)
    expect(keptMs).toBeLessThan(720_000)
  })

  test('sends heartbeats, each with the time when the log was read', async () => {
    const reader = await read(service)
    await reader.until(() => reader.named('heartbeat').length >= 3)
    const times = reader.named('heartbeat').map(({ data }) => data['server_time'] as string)
    expect(times).toEqual(times.toSorted())
    expect(new Set(times).size).toBe(times.length)
    for (const time of times) expect(new Date(time).toISOString()).toBe(time)
  })

  test('gives places without gaps, in one order for everybody', async () => {
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

  test('goes on for a reader that comes back: only what is missing', async () => {
    const first = await read(service)
    await first.until(hasHeartbeat)
    const seen = first.events.at(-1)?.id ?? -1
    first.close()
    const someone = await signedIn(service)
    await signOut(someone)
    const second = await read(service, String(seen))
    await second.until(hasHeartbeat)
    expect(second.named('snapshot')).toEqual([])
    expect(second.named('revoked').map(({ id, data }) => [id, data['sid']])).toEqual([
      [seen + 1, someone.tokens.session.id],
    ])
  })

  test.each(['999999', '-1', '1.5', 'nonsense', '', '1e3', '0x10', '99999999999999999999'])(
    'gives a snapshot to a reader that says it has seen %j',
    async (lastEventId) => {
      const reader = await read(service, lastEventId)
      await reader.until(hasHeartbeat)
      expect(reader.events[0]?.event).toBe('snapshot')
    },
  )

  test('answers the whole log as JSON, too', async () => {
    const someone = await signedIn(service)
    await signOut(someone)
    const { status, headers, body } = await service.operator().get('/v1/revocations')
    const { seq, revocations } = body as { seq: number; revocations: { seq: number; sid: string }[] }
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(revocations.at(-1)).toMatchObject({ seq, sid: someone.tokens.session.id, reason: 'signed_out' })
  })

  test('is an event stream that nobody between keeps or buffers', async () => {
    const { response } = await read(service)
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.any(String) as string,
    })
  })

  test.each(['/v1/revocations', '/v1/revocations/stream'])(
    '%s is not for those without a key',
    async (path) => {
      expectProblem(await new TestClient(service.internalUrl).get(path), 'invalid_service_key')
      const { tokens } = await signedIn(service)
      expectProblem(
        await new TestClient(service.internalUrl).get(path, tokens.access_token),
        'invalid_service_key',
      )
      expectProblem(await service.client().get(path), 'not_found')
    },
  )

  test('forgets a session once none of its tokens can be valid any more', async () => {
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
      // And what was forgotten can't be continued from before.
      const behind = await read(own, '0')
      await behind.until(hasHeartbeat)
      expect(behind.events[0]?.event).toBe('snapshot')
    } finally {
      await own.stop()
    }
  })

  test('lets go of its readers when it was set back, as by an old backup: they start again', async () => {
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
      const again = await read(own, String(reader.events.at(-1)?.id ?? 0))
      await again.until(hasHeartbeat)
      expect(again.events[0]?.event).toBe('snapshot')
      expect([kept, lost].map(({ tokens }) => knows(tokens.session.id)(again))).toEqual([true, false])
    } finally {
      await own.stop()
    }
  })
})

describe('at shutdown', () => {
  test('streams end in order, and say when to come back', async () => {
    const service = await startTestService('PGlite')
    const streams = await Promise.all(Array.from({ length: 20 }, () => read(service)))
    await Promise.all(streams.map((reader) => reader.until(hasHeartbeat)))
    await service.stop()
    expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual(streams.map(() => 'in order'))
    const waits = streams.map(({ retryMs }) => retryMs ?? 0)
    for (const wait of waits) expect(wait).toBeGreaterThan(0)
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(1_000)
    // Each at its own moment, so that the next instance is not stormed.
    expect(new Set(waits).size).toBeGreaterThan(5)
  })
})

describe('a reader that takes nothing', () => {
  test('is dropped, while the others go on', { timeout: 2 * MINUTES }, async () => {
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
      // More than both sides' buffers hold.
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
  })
})

describe('two instances on one database', () => {
  test(
    'the feed goes on while a crowd of requests waits for the database',
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
        let answered = 0
        const crowd = all.map(async (one) => {
          const { status } = await signOut({ client, person, tokens: one })
          answered += 1
          return status
        })
        // Every connection for requests is taken.
        await waitingForLocks(place.url, 10)
        const before = reader.named('heartbeat').length
        await writeElsewhere(place.url, ELSEWHERE)
        await reader.until(knows(ELSEWHERE))
        // No more than these: after three seconds without a lock the first requests are put off.
        await reader.until(() => reader.named('heartbeat').length > before)
        expect(answered).toBe(0)

        await holder.query('commit')
        expect(await Promise.all(crowd)).toEqual(all.map(() => 204))
        for (const { session } of all) await reader.until(knows(session.id))
      } finally {
        await holder.end()
        await service.stop()
      }
    },
  )

  test('serve the same feed: what ends at one is told at the other', async () => {
    const place = await migratedDatabase()
    const [one, other] = await Promise.all([startOn(place), startOn(place)])
    try {
      const reader = await read(other)
      await reader.until(hasHeartbeat)
      const someone = await signedIn(one)
      await signOut(someone)
      await reader.until(knows(someone.tokens.session.id))
      // A reader changes instances and goes on where it was.
      const place = reader.events.at(-1)?.id ?? 0
      const moved = await read(one, String(place))
      await moved.until(hasHeartbeat)
      expect(moved.events[0]).toMatchObject({ event: 'heartbeat', id: place })
    } finally {
      await one.service.stop()
      await other.stop()
    }
  })
})

// What is counted, to the number.
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { FeedReader } from '../../support/feed-reader.ts'
import type { Tokens } from '../../support/test-client.ts'
import { startTcpProxy, targetOf } from '../../support/tcp-proxy.ts'
import {
  databaseNames,
  migratedDatabase,
  startOn,
  startTestService,
  type TestService,
} from '../../support/test-service.ts'

/** The samples of an instance by name and labels, as they are written. */
async function scrape({ internalUrl }: TestService): Promise<Record<string, number>> {
  const text = await (await fetch(`${internalUrl}/metrics`)).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const pairs = samples.map((line): [string, number] => {
    const at = line.lastIndexOf(' ')
    return [line.slice(0, at), Number(line.slice(at + 1))]
  })
  return Object.fromEntries(pairs)
}

/** Samples of one metric that are not 0, by the value of their label. */
function counted(samples: Record<string, number>, name: string): Record<string, number> {
  const ofMetric = Object.entries(samples).filter(([key, value]) => key.startsWith(`${name}{`) && value !== 0)
  return Object.fromEntries(
    ofMetric.map(([key, value]): [string, number] => [/="([^"]*)"/.exec(key)?.[1] ?? '', value]),
  )
}

describe.each(databaseNames)('metrics, on %s', (database) => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  test('count sign-ups and sign-ins by their result', async () => {
    const client = service.client()
    const person = await client.register()
    const { username } = person
    await client.signIn(person)
    await client.post('/v1/sessions', { username, password: 'not the password' })
    await client.post('/v1/sessions', { username, password: 'not that either' })
    await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'test' })
    await client.post('/v1/sessions', { username, password: person.password })
    const samples = await scrape(service)
    const results = counted(samples, 'chat_auth_sign_ins_total')
    expect(results).toEqual({ ok: 1, invalid_credentials: 2, user_disabled: 1 })
    expect(samples['chat_auth_registrations_total']).toBe(1)
    expect(samples['chat_auth_hashing_seconds_count']).toBe(5)
    expect(samples['chat_auth_hashing_wait_seconds_count']).toBe(5)
    expect(counted(samples, 'chat_auth_session_ends_total')).toEqual({ user_disabled: 1 })
  })

  test('tell apart how refreshes end, a crowd of the same token too', async () => {
    const before = await scrape(service)
    const client = service.client()
    const tokens = await client.signIn(await client.register())
    const crowd = Array.from({ length: 8 }, () => client.refresh(tokens.refresh_token))
    const [first] = await Promise.all(crowd)
    const { refresh_token: second, access_token } = first?.body as Tokens
    await client.get('/v1/users/me', access_token)
    await service.service.receipts.flush()
    const third = ((await client.refresh(second)).body as Tokens).refresh_token
    service.clock.advance({ minutes: 1 })
    expect((await client.refresh(tokens.refresh_token)).status).toBe(401)
    expect((await client.refresh(third)).status).toBe(401)
    expect((await client.refresh('nonsense')).status).toBe(401)
    const after = await scrape(service)
    const results = counted(after, 'chat_auth_refreshes_total')
    expect(results).toEqual({ rotated: 2, repeated: 7, replay: 1, ended: 1, unknown: 1 })
    expect(counted(after, 'chat_auth_session_ends_total')['refresh_token_reused']).toBe(1)
    const noted = (after['chat_auth_receipts_total'] ?? 0) - (before['chat_auth_receipts_total'] ?? 0)
    expect(noted).toBe(1)
    // The statements of the nine calls that presented a token that was whole, and of what came after them.
    expect(after['chat_auth_refresh_batch_size_sum']).toBeGreaterThanOrEqual(9)
  })

  test('follow ends from their commits to the readers of the feed', async () => {
    // What the tests before have ended is not on its way any more.
    await service.service.stream.beat()
    const before = await scrape(service)
    const readers = await Promise.all(
      [1, 2].map(() => FeedReader.open(service.internalUrl, service.serviceKey)),
    )
    const client = service.client()
    const person = await client.register()
    for (let end = 1; end <= 3; end += 1) {
      const { access_token, session } = await client.signIn(person)
      await client.request('DELETE', '/v1/sessions/current', { token: access_token })
      for (const reader of readers) {
        await reader.until(({ rows }) => rows.some(({ sid }) => sid === session.id))
      }
    }
    const after = await scrape(service)
    const rise = (name: string) => (after[name] ?? 0) - (before[name] ?? 0)
    expect(rise('chat_auth_feed_revocations_total')).toBe(3)
    expect(rise('chat_auth_feed_revocations_delivered_total')).toBe(6)
    // A reading of the log that is under way may tell of an end before this instance learns that it was committed.
    expect(rise('chat_auth_feed_delivery_seconds_count')).toBeGreaterThanOrEqual(1)
    expect(rise('chat_auth_feed_delivery_seconds_count')).toBeLessThanOrEqual(3)
    expect(after['chat_auth_feed_readers']).toBe(2)
    for (const reader of readers) reader.close()
    await vi.waitFor(async () => expect((await scrape(service))['chat_auth_feed_readers']).toBe(0))
  })

  test('count requests by the pattern of their route', async () => {
    const client = service.client()
    for (const id of [1, 2, 3]) await client.get(`/errors/nothing-${id}`)
    const labels = 'listener="public",method="GET",route="/errors/:code"'
    const samples = await scrape(service)
    expect(samples[`chat_auth_http_requests_total{${labels},status="404"}`]).toBe(3)
    expect(samples[`chat_auth_http_request_duration_seconds_count{${labels}}`]).toBe(3)
  })

  test('name the use case that failed by a fault of ours', async () => {
    const other = await startTestService(database)
    const client = other.client()
    const { refresh_token } = await client.signIn(await client.register())
    await sql`alter table sessions rename to nothing`.execute(other.service.db)
    expect((await client.refresh(refresh_token)).status).toBe(500)
    const samples = await scrape(other)
    const failed = 'chat_auth_refusals_total{use_case="refreshSession",code="internal_error"}'
    expect(samples[failed]).toBe(1)
    expect(counted(samples, 'chat_auth_refreshes_total')).toEqual({ internal_error: 1 })
    await other.stop()
  })

  test('say how the database, its pool, the keys and the process are', async () => {
    const samples = await scrape(service)
    expect(samples['chat_auth_database_up']).toBe(1)
    expect(samples['chat_auth_database_connections_max']).toBe(database === 'PGlite' ? 1 : 10)
    expect(samples['chat_auth_database_connections_waiting']).toBe(0)
    expect(samples['chat_auth_signing_key_remaining_seconds']).toBeGreaterThan(86_400)
    expect(samples['process_resident_memory_bytes']).toBeGreaterThan(1e7)
  })
})

test('without the database the rest is told, and the instance is not ready by the feed as well', async () => {
  const place = await migratedDatabase()
  const proxy = await startTcpProxy(targetOf(place.url))
  const url = new URL(place.url)
  url.port = `${proxy.port}`
  const service = await startOn({ ...place, settings: { ...place.settings, DATABASE_URL: url.href } })
  expect((await scrape(service))['chat_auth_database_up']).toBe(1)
  proxy.cut()
  await vi.waitFor(
    async () => {
      const { status, body } = await service.client().get('/health/ready')
      expect(status).toBe(503)
      const { checks } = body as { checks: Record<string, string> }
      expect(checks['feed']).toMatch(/^last read \d+ s ago$/)
    },
    { timeout: 20_000, interval: 250 },
  )
  const away = await scrape(service)
  expect(away['chat_auth_database_up']).toBe(0)
  expect(away['chat_auth_feed_staleness_seconds']).toBeGreaterThan(5)
  expect(away['chat_auth_signing_key_age_seconds']).toBeUndefined()
  expect(away['process_start_time_seconds']).toBeGreaterThan(0)
  proxy.heal()
  await vi.waitFor(async () => expect((await service.client().get('/health/ready')).status).toBe(200), {
    timeout: 20_000,
    interval: 250,
  })
  await service.stop()
  await proxy.close()
})

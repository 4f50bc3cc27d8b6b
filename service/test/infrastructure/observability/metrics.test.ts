// The exact values of the metrics.
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

/** The samples of an instance by name and labels, as they appear in the text. */
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

describe.each(databaseNames)('metrics on %s', (database) => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  test('metrics count registrations, and sign-ins by result', async () => {
    const client = service.client()
    const user = await client.register()
    const { username } = user
    await client.signIn(user)
    await client.post('/v1/sessions', { username, password: 'not the password' })
    await client.post('/v1/sessions', { username, password: 'not that either' })
    await service.operator().post(`/v1/users/${user.id}/disable`, { reason: 'test' })
    await client.post('/v1/sessions', { username, password: user.password })
    const samples = await scrape(service)
    const results = counted(samples, 'chat_auth_sign_ins_total')
    expect(results).toEqual({ ok: 1, invalid_credentials: 2, user_disabled: 1 })
    expect(samples['chat_auth_registrations_total']).toBe(1)
    expect(samples['chat_auth_hashing_seconds_count']).toBe(5)
    expect(samples['chat_auth_hashing_wait_seconds_count']).toBe(5)
    expect(counted(samples, 'chat_auth_session_ends_total')).toEqual({ user_disabled: 1 })
  })

  test('metrics count refreshes by result, also for concurrent refreshes of one token', async () => {
    const before = await scrape(service)
    const client = service.client()
    const tokens = await client.signIn(await client.register())
    const concurrent = Array.from({ length: 8 }, () => client.refresh(tokens.refresh_token))
    const [first] = await Promise.all(concurrent)
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
    // Nine calls with an intact token reached a statement, and some of them a second one.
    expect(after['chat_auth_refresh_batch_size_sum']).toBeGreaterThanOrEqual(9)
  })

  test('metrics time session ends from their commit to the readers of the feed', async () => {
    // Delivers the ends of earlier tests first.
    await service.service.stream.beat()
    const before = await scrape(service)
    const readers = await Promise.all(
      [1, 2].map(() => FeedReader.open(service.internalUrl, service.serviceKey)),
    )
    const client = service.client()
    const user = await client.register()
    for (let end = 1; end <= 3; end += 1) {
      const { access_token, session } = await client.signIn(user)
      await client.request('DELETE', '/v1/sessions/current', { token: access_token })
      for (const reader of readers) {
        await reader.until(({ rows }) => rows.some(({ sid }) => sid === session.id))
      }
    }
    const after = await scrape(service)
    const rise = (name: string) => (after[name] ?? 0) - (before[name] ?? 0)
    expect(rise('chat_auth_feed_revocations_total')).toBe(3)
    expect(rise('chat_auth_feed_revocations_delivered_total')).toBe(6)
    // A read of the log in progress may deliver an end before this instance learns of its commit.
    expect(rise('chat_auth_feed_delivery_seconds_count')).toBeGreaterThanOrEqual(1)
    expect(rise('chat_auth_feed_delivery_seconds_count')).toBeLessThanOrEqual(3)
    expect(after['chat_auth_feed_readers']).toBe(2)
    for (const reader of readers) reader.close()
    await vi.waitFor(async () => expect((await scrape(service))['chat_auth_feed_readers']).toBe(0), 60_000)
  })

  test('metrics count requests by the pattern of their route', async () => {
    const client = service.client()
    for (const id of [1, 2, 3]) await client.get(`/errors/nothing-${id}`)
    const labels = 'listener="public",method="GET",route="/errors/:code"'
    const standard =
      'listener="public",http_request_method="GET",http_route="/errors/:code",http_response_status_code="404",url_scheme="http"'
    // A request is counted after its response.
    await vi.waitFor(async () => {
      const samples = await scrape(service)
      expect(samples[`chat_auth_http_requests_total{${labels},status="404"}`]).toBe(3)
      expect(samples[`http_server_request_duration_seconds_count{${standard}}`]).toBe(3)
    }, 60_000)
  })

  test('metrics name the use case that failed with an internal error', async () => {
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

  test('metrics describe the database, its pool, the keys and the process', async () => {
    const samples = await scrape(service)
    expect(samples['chat_auth_database_up']).toBe(1)
    expect(samples['chat_auth_database_connections_max']).toBe(database === 'PGlite' ? 1 : 10)
    expect(samples['chat_auth_database_connections_waiting']).toBe(0)
    expect(samples['chat_auth_signing_key_remaining_seconds']).toBeGreaterThan(86_400)
    expect(samples['process_resident_memory_bytes']).toBeGreaterThan(1e7)
  })
})

test('without the database other metrics remain, and the feed check is not ready', async () => {
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
    { timeout: 60_000, interval: 250 },
  )
  const withoutDatabase = await scrape(service)
  expect(withoutDatabase['chat_auth_database_up']).toBe(0)
  expect(withoutDatabase['chat_auth_feed_staleness_seconds']).toBeGreaterThan(5)
  expect(withoutDatabase['chat_auth_signing_key_age_seconds']).toBeUndefined()
  expect(withoutDatabase['process_start_time_seconds']).toBeGreaterThan(0)
  proxy.heal()
  await vi.waitFor(async () => expect((await service.client().get('/health/ready')).status).toBe(200), {
    timeout: 60_000,
    interval: 250,
  })
  await service.stop()
  await proxy.close()
})

import { once } from 'node:events'
import { connect } from 'node:net'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { parseResponse } from '../../support/raw-exchange.ts'
import { TestClient } from '../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseNames)('health and keys, on %s', (database) => {
  let service: TestService
  let listeners: TestClient[]

  beforeAll(async () => {
    service = await startTestService(database)
    listeners = [service.client(), new TestClient(service.internalUrl)]
  })
  afterAll(() => service.stop())

  test('a new installation has no users, so no default account', { tags: ['ACCOUNT-3'] }, async () => {
    expect(await service.service.db.selectFrom('users').select('username').execute()).toEqual([])
  })

  const ok = { database: 'ok', signing_key: 'ok', draining: 'no', feed: 'ok' }

  test('both listeners report that they are live without a service key', async () => {
    for (const listener of listeners) {
      const response = await listener.get('/health/live')
      expect([response.status, response.body]).toEqual([200, { status: 'live' }])
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('both listeners report that they are ready, with the result of each check', async () => {
    for (const listener of listeners) {
      const response = await listener.get('/health/ready')
      expect([response.status, response.body]).toEqual([200, { status: 'ready', checks: ok }])
    }
  })

  test('both listeners publish the same public keys, and the response may be cached', async () => {
    const [first, second] = await Promise.all(
      listeners.map((listener) => listener.get('/.well-known/jwks.json')),
    )
    expect(first?.body).toEqual(second?.body)
    const { keys } = first?.body as { keys: object[] }
    expect(keys.length).toBeGreaterThanOrEqual(1)
    for (const key of keys) {
      expect(key).toEqual({
        kty: 'OKP',
        crv: 'Ed25519',
        alg: 'EdDSA',
        use: 'sig',
        x: expect.stringMatching(/^[\w-]{43}$/) as string,
        kid: expect.any(String) as string,
      })
    }
    expect(first?.headers.get('cache-control')).toBe('public, max-age=300')
  })

  test('both listeners publish the metadata of RFC 8414, which name the issuer and its keys', async () => {
    const url = 'https://auth.example.org'
    const own = await startTestService(database, {
      PUBLIC_URL: url,
      TOKEN_ISSUER: 'https://issuer.example.org',
    })
    try {
      for (const listener of [own.client(), own.operator()]) {
        const { body, headers } = await listener.get('/.well-known/oauth-authorization-server')
        expect(body).toEqual({
          issuer: 'https://issuer.example.org',
          jwks_uri: `${url}/.well-known/jwks.json`,
          service_documentation: `${url}/docs`,
          response_types_supported: [],
          grant_types_supported: [],
        })
        expect(headers.get('cache-control')).toBe('public, max-age=300')
      }
    } finally {
      await own.stop()
    }
  })

  test('the current signing key is published', async () => {
    const { access_token: token } = await service.client().signIn(await service.client().register())
    const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as {
      kid: string
    }
    const { keys } = (await service.client().get('/.well-known/jwks.json')).body as {
      keys: { kid: string }[]
    }
    expect(keys.map(({ kid }) => kid)).toContain(header.kid)
  })

  test('a service without a valid signing key is live but not ready, and a sign-in is 503', async () => {
    const other = await startTestService(database)
    const client = other.client()
    const person = await client.register()
    other.clock.advance({ days: 400 })
    const response = await client.get('/health/ready')
    expect([response.status, response.body]).toEqual([
      503,
      { status: 'not_ready', checks: { ...ok, signing_key: 'no key can sign at the moment' } },
    ])
    expect((await client.get('/health/live')).status).toBe(200)
    const { username, password } = person
    expect((await client.post('/v1/sessions', { username, password })).status).toBe(503)
    await other.service.rotateKeys()
    expect((await client.get('/health/ready')).status).toBe(200)
    await drains(other)
  })

  /** Stops the service and completes a request that was half sent before. */
  const drains = async (other: TestService) => {
    const socket = connect(Number(new URL(other.url).port), '127.0.0.1')
    const received: string[] = []
    socket.on('data', (data) => received.push(data.toString()))
    // The response to the first request shows that the start of the second has arrived.
    const half = 'GET /health/ready HTTP/1.1\r\nHost: x\r\n'
    socket.write(`GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n${half}`)
    await once(socket, 'data')
    received.length = 0
    const stopped = other.stop()
    socket.write('\r\n')
    await once(socket, 'close')
    await stopped
    const response = parseResponse(received.join(''))
    expect([response.status, response.body]).toEqual([
      503,
      { status: 'not_ready', checks: { ...ok, draining: 'yes' } },
    ])
  }

  test('a stopped service accepts no connections', async () => {
    const other = await startTestService(database)
    await sql`select 1`.execute(other.service.db)
    await other.stop()
    await expect(fetch(`${other.url}/health/live`)).rejects.toThrow()
    await expect(fetch(`${other.internalUrl}/health/live`)).rejects.toThrow()
  })
})

test('a service is not ready while its database is read-only, such as on a standby', async () => {
  const service = await startTestService('PostgreSQL')
  onTestFinished(() => service.stop())
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(service.service.db)
  const admin = new pg.Client(inject('postgres').adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  const name = rows[0]?.name ?? ''
  const setReadOnly = async (value: 'on' | 'off') => {
    await admin.query(`alter database ${name} set default_transaction_read_only = ${value}`)
    // Open connections keep the old setting, so they are closed.
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  }
  const databaseCheck = async () => {
    const { status, body } = await service.client().get('/health/ready')
    return [status, (body as { checks: Record<string, string> }).checks['database']]
  }

  await setReadOnly('on')
  await vi.waitFor(async () => expect(await databaseCheck()).toEqual([503, 'is read-only']), {
    timeout: 60_000,
  })
  await setReadOnly('off')
  await vi.waitFor(async () => expect(await databaseCheck()).toEqual([200, 'ok']), { timeout: 60_000 })
})

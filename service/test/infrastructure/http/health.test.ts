import { once } from 'node:events'
import { connect } from 'node:net'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { parseAnswer } from '../support/raw-exchange.ts'
import { TestClient } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseNames)('health and keys, on %s', (database) => {
  let service: TestService
  let listeners: TestClient[]

  beforeAll(async () => {
    service = await startTestService(database)
    listeners = [service.client(), new TestClient(service.internalUrl)]
  })
  afterAll(() => service.stop())

  const ok = { database: 'ok', signing_key: 'ok', draining: 'no', feed: 'ok' }

  test('both listeners are live, and need no key to say so', async () => {
    for (const listener of listeners) {
      const answer = await listener.get('/health/live')
      expect([answer.status, answer.body]).toEqual([200, { status: 'live' }])
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('both listeners are ready, and say what they looked at', async () => {
    for (const listener of listeners) {
      const answer = await listener.get('/health/ready')
      expect([answer.status, answer.body]).toEqual([200, { status: 'ready', checks: ok }])
    }
  })

  test('both listeners publish the same keys, without a private part, and they may be cached', async () => {
    const [first, second] = await Promise.all(
      listeners.map((listener) => listener.get('/.well-known/jwks.json')),
    )
    expect(first?.body).toEqual(second?.body)
    const { keys } = first?.body as { keys: object[] }
    expect(keys.length).toBeGreaterThanOrEqual(1)
    for (const key of keys) {
      expect(key).toEqual({
        ...{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' },
        ...{ x: expect.stringMatching(/^[\w-]{43}$/) as string, kid: expect.any(String) as string },
      })
    }
    expect(first?.headers.get('cache-control')).toBe('public, max-age=300')
  })

  test('the key that signs is published', async () => {
    const { access_token: token } = await service.client().signIn(await service.client().register())
    const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as {
      kid: string
    }
    const { keys } = (await service.client().get('/.well-known/jwks.json')).body as {
      keys: { kid: string }[]
    }
    expect(keys.map(({ kid }) => kid)).toContain(header.kid)
  })

  test('is not ready without a key to sign with, and live all the same; a sign-in is 503 then', async () => {
    const other = await startTestService(database)
    const client = other.client()
    const person = await client.register()
    other.clock.advance({ days: 400 })
    const answer = await client.get('/health/ready')
    expect([answer.status, answer.body]).toEqual([
      503,
      { status: 'not_ready', checks: { ...ok, signing_key: 'none can sign at the moment' } },
    ])
    expect((await client.get('/health/live')).status).toBe(200)
    const { username, password } = person
    expect((await client.post('/v1/sessions', { username, password })).status).toBe(503)
    await other.service.rotateKeys()
    expect((await client.get('/health/ready')).status).toBe(200)
    await drains(other)
  })

  /** Stops the service and asks it on a connection that is in the middle of a request. */
  const drains = async (other: TestService) => {
    const socket = connect(Number(new URL(other.url).port), '127.0.0.1')
    const received: string[] = []
    socket.on('data', (data) => received.push(data.toString()))
    // The answer to the first shows that the beginning of the second has arrived, too.
    const half = 'GET /health/ready HTTP/1.1\r\nHost: x\r\n'
    socket.write(`GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n${half}`)
    await once(socket, 'data')
    received.length = 0
    const stopped = other.stop()
    socket.write('\r\n')
    await once(socket, 'close')
    await stopped
    const answer = parseAnswer(received.join(''))
    expect([answer.status, answer.body]).toEqual([
      503,
      { status: 'not_ready', checks: { ...ok, draining: 'yes' } },
    ])
  }

  test('a service that has stopped takes no more connections', async () => {
    const other = await startTestService(database)
    await sql`select 1`.execute(other.service.db)
    await other.stop()
    await expect(fetch(`${other.url}/health/live`)).rejects.toThrow()
    await expect(fetch(`${other.internalUrl}/health/live`)).rejects.toThrow()
  })
})

test('is not ready on a database that takes no changes, as a standby does not, and is again when it does', async () => {
  const service = await startTestService('PostgreSQL')
  onTestFinished(() => service.stop())
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(service.service.db)
  const admin = new pg.Client(inject('postgres').adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  const name = rows[0]?.name ?? ''
  const setReadOnly = async (value: 'on' | 'off') => {
    await admin.query(`alter database ${name} set default_transaction_read_only = ${value}`)
    // What is connected goes on as before.
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  }
  const databaseCheck = async () => {
    const { status, body } = await service.client().get('/health/ready')
    return [status, (body as { checks: Record<string, string> }).checks['database']]
  }

  await setReadOnly('on')
  await vi.waitFor(async () => expect(await databaseCheck()).toEqual([503, 'takes no changes']), {
    timeout: 20_000,
  })
  await setReadOnly('off')
  await vi.waitFor(async () => expect(await databaseCheck()).toEqual([200, 'ok']), { timeout: 10_000 })
})

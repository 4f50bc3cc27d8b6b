// Starts of the service that fail, and shutdowns under difficult conditions.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { CheckingClient } from '../support/checking-client.ts'
import { recordFault } from '../support/fault-report.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { ServiceProcess } from '../support/service-process.ts'
import { startTcpProxy, targetOf } from '../support/tcp-proxy.ts'
import type { Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { testServiceKeys } from '../support/service-keys.ts'

const MINUTES = 60_000

const started: ServiceProcess[] = []

function spawnService(settings: Record<string, string>): ServiceProcess {
  const service = new ServiceProcess(settings)
  started.push(service)
  return service
}

const startService = (settings: Record<string, string>) => spawnService(settings).ready()

afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.kill()))
})

const violationsOf = (clients: readonly CheckingClient[]) => clients.flatMap(({ violations }) => violations)

/** One after the other: on a busy machine, sign-ups in parallel can wait too long for a connection. */
async function signUp(count: number, urls: readonly string[]): Promise<CheckingClient[]> {
  const clients: CheckingClient[] = []
  while (clients.length < count) clients.push((await CheckingClient.signUp(urls)).client)
  return clients
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const isRefusing = (url: string): Promise<boolean> =>
  fetch(`${url}/health/ready`).then(
    ({ status }) => status === 503,
    () => true,
  )

describe('the embedded service', () => {
  let place: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => {
    place = await temporaryFolder()
  })
  afterEach(() => place.remove())

  test(
    'a second process on the same data folder is refused with one line, and the first goes on',
    { tags: ['OPS-12'] },
    async () => {
      const result = recordFault('a second process opens the embedded data folder')
      const first = await startService(place.settings)
      const [client] = await signUp(1, [first.url])

      const second = spawnService(place.settings)
      expect(await second.exited).toEqual({ code: 1, signal: null })
      expect(second.complaints).toMatch(/^The data folder .* is in use by process \d+ on .*\n$/)
      expect(second.complaints).toContain(`process ${first.pid} `)

      expect(await client?.refresh()).toBe(true)
      await first.stop()
      const again = await startService(place.settings)
      client?.moveTo(again.url)
      expect(await client?.refresh()).toBe(true)
      await again.stop()
      Object.assign(result, { rounds: 1, injected: 1, acknowledged: 2 })
    },
  )
})

describe('on a PostgreSQL server that fails', () => {
  let cluster: PrivateCluster
  let settings: Record<string, string>
  beforeAll(async () => {
    cluster = await startPrivateCluster()
    settings = {
      DATABASE_URL: cluster.url,
      AUTH_SECRET: 'a secret of the tests that is long enough',
      SERVICE_KEYS: testServiceKeys,
    }
  })
  afterEach(async () => {
    if (!isRunning(cluster.pid())) await cluster.restart()
  })
  afterAll(() => cluster.stop())

  test('a start waits for a database that is still unreachable', async () => {
    await cluster.kill()
    const service = spawnService(settings)
    await service.logged('database.waiting')
    await cluster.restart()
    await service.ready()
    const isReady = async () =>
      expect(await service.client().get('/health/ready')).toMatchObject({ status: 200 })
    await vi.waitFor(isReady, 60_000)
    await service.stop()
  })

  test('a service that waits for its database stops at SIGTERM', async () => {
    const { port } = await startTcpProxy({ host: '127.0.0.1', port: 1 })
    const service = spawnService({
      ...settings,
      DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres`,
    })
    await service.logged('database.waiting')
    await service.stop()
  })

  test.each(['stall', 'cut'] as const)(
    'a network %s to the database causes 503s, even with more requests than connections',
    async (fault) => {
      const result = recordFault('network to the database cut or stalled')
      const proxy = await startTcpProxy(targetOf(cluster.url))
      const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`
      const service = await startService({ ...settings, DATABASE_URL: url, DATABASE_POOL_SIZE: '2' })
      const clients = await signUp(12, [service.url])

      proxy[fault]()
      const during = await Promise.all(clients.map((client) => client.refresh()))
      expect(during).toEqual(clients.map(() => false))
      expect(await service.client().get('/health/ready')).toMatchObject({ status: 503 })
      expect(await service.client().get('/health/live')).toMatchObject({ status: 200 })

      proxy.heal()
      await vi.waitFor(
        async () => {
          const after = await Promise.all(clients.map((client) => client.refresh()))
          expect(after).toEqual(clients.map(() => true))
        },
        { timeout: 60_000 },
      )
      Object.assign(result, { rounds: 1, injected: 1, acknowledged: clients.length })
      expect(violationsOf(clients)).toEqual([])
      await service.stop()
      await proxy.close()
    },
    MINUTES,
  )
})

describe('SIGTERM', () => {
  let database: Awaited<ReturnType<typeof migratedDatabase>>
  let admin: pg.Client
  beforeEach(async () => {
    database = await migratedDatabase()
    admin = new pg.Client(database.url)
    await admin.connect()
  })
  afterEach(async () => {
    await admin.end()
    await Promise.all(started.splice(0).map((service) => service.kill()))
    await database.remove()
  })

  test('after SIGTERM, even if repeated, in-flight requests finish and new ones are refused', async () => {
    const service = await startService(database.settings)
    const client = service.client()
    const person = await client.register()
    const { access_token: token } = await client.signIn(person)

    // The sign-out waits for a lock that this test holds.
    await admin.query('begin')
    await admin.query('select from users where id = $1 for update', [person.id])
    const underWay = client.delete('/v1/sessions/current', token)
    await waitingForLocks(database.url, 1)

    service.signal('SIGTERM')
    await vi.waitFor(async () => expect(await isRefusing(service.url)).toBe(true), { timeout: 60_000 })
    service.signal('SIGTERM')
    service.signal('SIGINT')
    expect(await isRefusing(service.internalUrl)).toBe(true)
    await admin.query('commit')

    expect(await underWay).toMatchObject({ status: 204 })
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(service.complaints).toBe('')
    expect(isRunning(service.pid)).toBe(false)
  })

  test('SIGTERM writes the receipts that are buffered', async () => {
    const service = await startService(database.settings)
    const client = service.client()
    const person = await client.register()
    for (let session = 0; session < 5; session += 1) {
      const { refresh_token: first } = await client.signIn(person)
      const refreshed = await client.refresh(first)
      const { access_token: token } = refreshed.body as Tokens
      expect(await client.get('/v1/users/me', token)).toMatchObject({ status: 200 })
    }
    await service.stop()
    const { rows } = await admin.query('select distinct generation, confirmed_generation from sessions')
    expect(rows).toEqual([{ generation: 1, confirmed_generation: 1 }])
  })
})

test('a service ends with the process that started it, even after SIGKILL', async () => {
  const place = await temporaryFolder()
  const source = `
    import { startServiceProcess } from ${JSON.stringify(join(import.meta.dirname, '../support/service-process.ts'))}
    const { pid } = await startServiceProcess(${JSON.stringify(place.settings)})
    console.log(pid)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const failed = once(owner, 'exit').then((): never => {
    throw new Error('the service did not start')
  })
  const [printed] = (await Promise.race([once(owner.stdout, 'data'), failed])) as [Buffer]
  failed.catch(() => undefined)
  const pid = Number(printed.toString())
  expect(isRunning(pid)).toBe(true)
  owner.kill('SIGKILL')
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 60_000 })
  await place.remove()
})

describe('a start that fails', () => {
  const failing = async (settings: Record<string, string>): Promise<string> => {
    const service = spawnService(settings)
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.banner).toBe('')
    return service.complaints
  }

  test('a start with wrong settings exits with 1 and names each on a line', async () => {
    const complaints = await failing({
      PORT: 'http',
      SESSION_TTL: '90',
      LOST_ANSWER: 'perhaps',
      AUTH_SECRET: 'short',
      PUBLIC_URL: 'auth.example.org',
    })
    const [first, ...lines] = complaints.trimEnd().split('\n')
    expect(first).toBe('The settings need attention:')
    const names = lines.map((line) => /^ {2}([A-Z_]+) (?:must be|needs) /.exec(line)?.[1])
    expect(names.toSorted()).toEqual(['AUTH_SECRET', 'LOST_ANSWER', 'PORT', 'PUBLIC_URL', 'SESSION_TTL'])
    expect(complaints).not.toContain('short')
  })

  test('a start with DATABASE_URL but no AUTH_SECRET exits with 1 and says so', async () => {
    const complaints = await failing({ DATABASE_URL: 'postgres://localhost/none' })
    expect(complaints).toMatch(
      /^The settings need attention:\n {2}AUTH_SECRET is required with DATABASE_URL; .*\n$/,
    )
  })

  test.each(['PORT', 'INTERNAL_PORT'])(
    'a start with a %s that is in use exits with 1 and says so',
    async (name) => {
      const place = await migratedDatabase()
      const holder = createServer().listen(0, '127.0.0.1')
      await once(holder, 'listening')
      const { port } = holder.address() as AddressInfo
      const complaints = await failing({ ...place.settings, [name]: String(port) })
      expect(complaints).toMatch(new RegExp(`^Port ${port} is in use\\..*\n$`))
      holder.close()

      const service = await startService(place.settings)
      await service.stop()
      await place.remove()
    },
  )
})

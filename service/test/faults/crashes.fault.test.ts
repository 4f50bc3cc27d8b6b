// Starts and ends of the service that do not go as planned.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { HonestClient } from '../support/honest-client.ts'
import { tallyFault } from '../support/fault-report.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { ServiceProcess } from '../support/service-process.ts'
import { startTcpProxy, targetOf } from '../support/tcp-proxy.ts'
import type { Tokens } from '../support/test-client.ts'
import { migratedDatabase, temporaryFolder } from '../support/test-service.ts'

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

const wrongsOf = (clients: readonly HonestClient[]) => clients.flatMap(({ wrongs }) => wrongs)

const signUp = async (count: number, urls: readonly string[]): Promise<HonestClient[]> =>
  (await Promise.all(Array.from({ length: count }, () => HonestClient.signUp(urls)))).map(
    ({ client }) => client,
  )

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

  test('refuses a second start on its folder with one clear line, and takes no harm', async () => {
    const tally = tallyFault('a second process opens the embedded data folder')
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
    Object.assign(tally, { rounds: 1, injected: 1, acknowledged: 2 })
  })
})

describe('on a PostgreSQL server that fails', () => {
  let cluster: PrivateCluster
  let settings: Record<string, string>
  beforeAll(async () => {
    cluster = await startPrivateCluster()
    settings = {
      DATABASE_URL: cluster.url,
      AUTH_SECRET: 'a secret of the tests that is long enough',
      SERVICE_KEYS: 'service-key-of-the-tests-that-is-long',
    }
  })
  afterEach(async () => {
    if (!isRunning(cluster.pid())) await cluster.restart()
  })
  afterAll(() => cluster.stop())

  test('a database that is away at the start is waited for', async () => {
    await cluster.kill()
    const service = spawnService(settings)
    await service.logged('database.waiting')
    await cluster.restart()
    await service.ready()
    expect(await service.client().get('/health/ready')).toMatchObject({ status: 200 })
    await service.stop()
  })

  test('a service that waits for its database stops when it is told to', async () => {
    const { port } = await startTcpProxy({ host: '127.0.0.1', port: 1 })
    const service = spawnService({
      ...settings,
      DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres`,
    })
    await service.logged('database.waiting')
    await service.stop()
  })

  test.each(['stall', 'cut'] as const)(
    'a database behind a network that does a %s costs 503s, more requests than connections included',
    async (fault) => {
      const tally = tallyFault('network to the database cut or stalled')
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
        { timeout: 20_000 },
      )
      Object.assign(tally, { rounds: 1, injected: 1, acknowledged: clients.length })
      expect(wrongsOf(clients)).toEqual([])
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

  test('lets what is under way finish, however often it comes, and takes nothing new', async () => {
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
    await vi.waitFor(async () => expect(await isRefusing(service.url)).toBe(true), { timeout: 20_000 })
    service.signal('SIGTERM')
    service.signal('SIGINT')
    expect(await isRefusing(service.internalUrl)).toBe(true)
    await admin.query('commit')

    expect(await underWay).toMatchObject({ status: 204 })
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(service.complaints).toBe('')
    expect(isRunning(service.pid)).toBe(false)
  })

  test('writes the receipts that are noted', async () => {
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

test('a service does not outlive the process that started it, not even one killed with SIGKILL', async () => {
  const place = await temporaryFolder()
  const source = `
    import { startServiceProcess } from ${JSON.stringify(join(import.meta.dirname, '../support/service-process.ts'))}
    const { pid } = await startServiceProcess(${JSON.stringify(place.settings)})
    console.log(pid)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const failed = once(owner, 'exit').then((): never => {
    throw new Error('it did not start')
  })
  const [printed] = (await Promise.race([once(owner.stdout, 'data'), failed])) as [Buffer]
  failed.catch(() => undefined)
  const pid = Number(printed.toString())
  expect(isRunning(pid)).toBe(true)
  owner.kill('SIGKILL')
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 10_000 })
  await place.remove()
})

describe('a start that cannot succeed exits with 1 and says why:', () => {
  const failing = async (settings: Record<string, string>): Promise<string> => {
    const service = spawnService(settings)
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.banner).toBe('')
    return service.complaints
  }

  test('wrong settings, a line each', async () => {
    const complaints = await failing({
      PORT: 'http',
      SESSION_TTL: '90',
      LOST_ANSWER: 'perhaps',
      AUTH_SECRET: 'short',
      PUBLIC_URL: 'auth.example.org',
    })
    const [first, ...lines] = complaints.trimEnd().split('\n')
    expect(first).toBe('The settings need attention:')
    const names = lines.map((line) => /^ {2}([A-Z_]+) (?:is|needs) /.exec(line)?.[1])
    expect(names.toSorted()).toEqual(['AUTH_SECRET', 'LOST_ANSWER', 'PORT', 'PUBLIC_URL', 'SESSION_TTL'])
    expect(complaints).not.toContain('short')
  })

  test('no AUTH_SECRET beside DATABASE_URL', async () => {
    const complaints = await failing({ DATABASE_URL: 'postgres://localhost/none' })
    expect(complaints).toMatch(
      /^The settings need attention:\n {2}AUTH_SECRET is required with DATABASE_URL; .*\n$/,
    )
  })

  test.each(['PORT', 'INTERNAL_PORT'])('a %s that is in use', async (name) => {
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
  })
})

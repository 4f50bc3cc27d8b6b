// What is left when processes die. FAULT_ROUNDS makes it longer, TEST_SEED replays it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { HonestClient, Traffic } from '../support/honest-client.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { ServiceProcess } from '../support/service-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { TestClient, type Person, type Tokens } from '../support/test-client.ts'
import { migratedDatabase, temporaryFolder } from '../support/test-service.ts'

const rounds = Number(process.env['FAULT_ROUNDS'] ?? 3)
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

function seeded() {
  const random = seededRandom()
  onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
  return random
}

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

  test(
    'loses nothing it acknowledged to kill -9, and every client goes on',
    async () => {
      const random = seeded()
      const clients: HonestClient[] = []
      const registered: Person[] = []

      const signUpUntilKilled = async (url: string): Promise<void> => {
        for (;;) {
          const transport = new TestClient(url)
          const person = await transport.register()
          registered.push(person)
          clients.push(new HonestClient(await transport.signIn(person), [url]))
        }
      }
      const everybodyGoesOn = async (url: string): Promise<void> => {
        const transport = new TestClient(url)
        const signIns = registered.splice(0).map((person) => transport.signIn(person))
        await Promise.all([...signIns, ...clients.map((client) => client.refresh())])
        expect(wrongsOf(clients)).toEqual([])
      }

      for (let round = 0; round < rounds; round += 1) {
        const service = await startService(place.settings)
        for (const client of clients) client.moveTo(service.url)
        await everybodyGoesOn(service.url)

        clients.push(...(await signUp(3, [service.url])))
        const traffic = new Traffic(clients, random)
        const signingUp = signUpUntilKilled(service.url).catch(() => undefined)
        await traffic.acknowledged(20 + random.below(100))
        await service.kill()
        await Promise.all([traffic.stop(), signingUp])
      }
      const service = await startService(place.settings)
      for (const client of clients) client.moveTo(service.url)
      await everybodyGoesOn(service.url)
      const states = Object.groupBy(clients, ({ state }) => state)
      expect(states.live?.length).toBeGreaterThan(0)
      await service.stop()
    },
    3 * MINUTES,
  )

  test('refuses a second start on its folder with one clear line, and takes no harm', async () => {
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

  const failures = [
    { how: 'killed', fail: () => cluster.kill() },
    {
      how: 'stopped in immediate mode',
      fail: async () => {
        process.kill(cluster.pid(), 'SIGQUIT')
        await vi.waitFor(() => expect(isRunning(cluster.pid())).toBe(false), { timeout: 20_000 })
      },
    },
  ]

  test.each(failures)(
    'a server $how under load costs 503s and nothing else, and the service recovers by itself',
    async ({ fail }) => {
      const random = seeded()
      const service = await startService(settings)
      const clients = await signUp(12, [service.url])
      const traffic = new Traffic(clients, random)
      for (let round = 0; round < rounds; round += 1) {
        await service.alive(traffic.acknowledged(50 + random.below(150)))
        await service.alive(fail())
        const health = await service.alive(service.client().get('/health/ready'))
        expect(health).toMatchObject({ status: 503, body: { checks: { database: 'cannot be reached' } } })
        await cluster.restart()
        await service.alive(traffic.acknowledged(100))
      }
      await traffic.stop()
      await Promise.all(clients.map((client) => client.refresh()))
      expect(wrongsOf(clients)).toEqual([])
      expect(service.logs.some(({ code }) => code === 'unavailable')).toBe(true)
      await service.stop()
    },
    3 * MINUTES,
  )

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
      const { hostname: host, port } = new URL(cluster.url)
      const proxy = await startTcpProxy({ host, port: Number(port) })
      const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`
      const service = await startService({ ...settings, DATABASE_URL: url, DATABASE_POOL_SIZE: '2' })
      const clients = await signUp(12, [service.url])

      proxy[fault]()
      const during = await Promise.all(clients.map((client) => client.refresh()))
      expect(during).toEqual(clients.map(() => false))
      expect(await service.client().get('/health/ready')).toMatchObject({ status: 503 })
      expect(await service.client().get('/health/live')).toMatchObject({ status: 200 })

      proxy.heal()
      await vi.waitFor(async () => {
        const after = await Promise.all(clients.map((client) => client.refresh()))
        expect(after).toEqual(clients.map(() => true))
      })
      expect(wrongsOf(clients)).toEqual([])
      await service.stop()
      await proxy.close()
    },
    MINUTES,
  )

  test(
    'kill -9 of one of two instances mid-traffic is noticed by no client',
    async () => {
      const random = seeded()
      let instances = await Promise.all([startService(settings), startService(settings)])
      const clients = await signUp(
        12,
        instances.map(({ url }) => url),
      )
      const traffic = new Traffic(clients, random)
      for (let round = 0; round < rounds; round += 1) {
        await traffic.acknowledged(50 + random.below(150))
        const [killed, other] = random.isTrue(0.5) ? instances : instances.toReversed()
        await killed?.kill()
        if (other === undefined) throw new Error('there are two')
        await traffic.acknowledged(50)
        instances = [other, await startService(settings)]
        for (const client of clients) client.moveTo(...instances.map(({ url }) => url))
      }
      await traffic.stop()
      await Promise.all(clients.map((client) => client.refresh()))
      expect(wrongsOf(clients)).toEqual([])
      await Promise.all(instances.map((instance) => instance.stop()))
    },
    2 * MINUTES,
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
    await vi.waitFor(async () => expect(await isRefusing(service.url)).toBe(true))
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

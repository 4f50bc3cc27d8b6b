// A PostgreSQL server fails under load, and then restarts or is replaced by its standby. TEST_SEED replays it.
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { connect, proxyTo } from '../../../end-to-end/connected.ts'
import { queryOn } from '../support/database-query.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import { startTwo } from '../support/instances.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { startTcpProxy, targetOf } from '../support/tcp-proxy.ts'
import { newUser, TestClient } from '../support/test-client.ts'

let clusters: PrivateCluster[]
beforeEach(() => {
  clusters = []
})
afterEach(() => Promise.all(clusters.map((cluster) => cluster.stop())))

async function startCluster(standbyOf?: string): Promise<PrivateCluster> {
  const cluster = await startPrivateCluster(standbyOf === undefined ? {} : { standbyOf })
  clusters.push(cluster)
  return cluster
}

/** The process is alive and responds with 503 and Retry-After. */
async function expectUnavailable(instance: ServiceProcess): Promise<void> {
  const { username, email, password } = newUser()
  const response = await instance.alive(instance.client().post('/v1/users', { username, email, password }))
  expect(response.status).toBe(503)
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
}

async function expectToWrite(instance: ServiceProcess): Promise<void> {
  const { username, email, password } = newUser()
  await vi.waitFor(
    async () => {
      const response = await instance.client().post('/v1/users', { username, email, password })
      expect(response.status).toBe(201)
    },
    { timeout: 60_000, interval: 100 },
  )
}

/** The connections may close a moment after the server has exited. */
const untilNotReady = (instance: ServiceProcess): Promise<void> =>
  vi.waitFor(() => expectNotReady(instance), { timeout: 60_000 })

async function expectNotReady(instance: ServiceProcess): Promise<void> {
  const health = await instance.alive(instance.client().get('/health/ready'))
  expect(health).toMatchObject({ status: 503, body: { checks: { database: 'cannot be reached' } } })
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const failures = [
  { how: 'killed', fail: (cluster: PrivateCluster) => cluster.kill() },
  {
    how: 'stopped in immediate mode',
    fail: async (cluster: PrivateCluster) => {
      process.kill(cluster.pid(), 'SIGQUIT')
      await vi.waitFor(() => expect(isRunning(cluster.pid())).toBe(false), { timeout: 60_000 })
    },
  },
]

const stops = faultRounds(3, 1 / 10)

test.each(failures)(
  'a database server $how under load causes only 503s, and two instances recover',
  async ({ fail }) => {
    const cluster = await startCluster()
    const query = queryOn(cluster.url)
    const trial = new FaultTrial('database stopped abruptly')
    const instances = await startTwo(cluster.url)
    trial.moveTo(...instances)
    const verifiers = await Promise.all(instances.map((instance) => connect(instance)))
    for (let round = 0; round < stops; round += 1) {
      await trial.acknowledged(30 + trial.random.below(120))
      await trial.acknowledgedInBurst(1 + trial.random.below(8))
      await fail(cluster)
      trial.injected()
      await Promise.all(instances.map(untilNotReady))
      await Promise.all(instances.map(expectUnavailable))
      await cluster.restart()
      await bothAlive(instances, trial.acknowledged(60))
      await Promise.all(instances.map(expectToWrite))
      await trial.check({ query, verifiers })
    }
    await trial.finish({ query, verifiers })
    await Promise.all(instances.map((instance) => instance.stop()))
  },
  timeoutFor(stops),
)

const failovers = faultRounds(2, 1 / 20)

test(
  'a synchronous standby replaces a primary killed under load, and nothing is lost',
  { timeout: timeoutFor(failovers, 60), tags: ['FEED-1'] },
  async () => {
    let primary = await startCluster()
    let standby = await standbyOf(primary)
    // The instances connect to the current primary through this proxy, as through a virtual address.
    const address = await startTcpProxy(targetOf(primary.url))
    onTestFinished(() => address.close())
    const trial = new FaultTrial('failover to a synchronous standby')
    const instances = await startTwo(`postgres://postgres@127.0.0.1:${address.port}/postgres`)
    trial.moveTo(...instances)
    const verifiers = await Promise.all(instances.map((instance) => connect(instance)))
    let log = await logOf(instances)
    for (let round = 0; round < failovers; round += 1) {
      await trial.acknowledged(30 + trial.random.below(120))
      await trial.acknowledgedInBurst(1 + trial.random.below(8))
      await primary.kill()
      trial.injected()
      await Promise.all(instances.map(untilNotReady))
      address.aim(targetOf(standby.url))
      // It is still a standby, which only accepts reads.
      await Promise.all(instances.map(expectUnavailable))
      await standby.promote()
      await bothAlive(instances, trial.acknowledged(60))
      await Promise.all(instances.map(expectToWrite))
      await trial.check({ query: queryOn(standby.url), verifiers })
      await Promise.all(instances.map(expectToHearOfOthers))
      const previous = log
      log = await logOf(instances)
      expect(log).not.toBe(previous)
      primary = standby
      standby = await standbyOf(primary)
    }
    await trial.finish({ query: queryOn(primary.url), verifiers })
    await Promise.all(instances.map((instance) => instance.stop()))
  },
)

/**
 * A synchronous standby: each commit waits for it. Its replication is delayed a little, so that a commit that did not
 * wait is lost with the primary.
 */
async function standbyOf(primary: PrivateCluster): Promise<PrivateCluster> {
  const link = await proxyTo(primary.url)
  const standby = await startCluster(`postgres://postgres@127.0.0.1:${link.port}/postgres`)
  const query = queryOn(primary.url)
  await query("alter system set synchronous_standby_names = 'standby'", [])
  await query('select pg_reload_conf()', [])
  await vi.waitFor(
    async () => {
      const followers = await query("select from pg_stat_replication where sync_state = 'sync'", [])
      expect(followers).toHaveLength(1)
    },
    { timeout: 60_000 },
  )
  link.delay(20)
  return standby
}

/** The identity of the revocation log, on which all instances agree. */
async function logOf(instances: readonly ServiceProcess[]): Promise<string> {
  const logs = instances.map(async ({ internalUrl, serviceKey }) => {
    const { body } = await new TestClient(internalUrl, undefined, { token: serviceKey }).get(
      '/v1/revocations',
    )
    return (body as { log: string }).log
  })
  const distinct = [...new Set(await Promise.all(logs))]
  expect(distinct).toEqual([expect.stringMatching(/^\w+\.\w+$/)])
  return distinct[0] ?? ''
}

const bothAlive = (instances: readonly ServiceProcess[], work: Promise<void>): Promise<unknown> =>
  Promise.all(instances.map((instance) => instance.alive(work)))

/** The LISTEN connection of the instance works again. */
async function expectToHearOfOthers({ internalUrl, serviceKey }: ServiceProcess): Promise<void> {
  const operator = new TestClient(internalUrl, undefined, { token: serviceKey })
  await vi.waitFor(
    async () => {
      const { body } = await operator.get('/v1/doctor')
      const { findings } = body as { findings: { check: string; status: string; detail: string }[] }
      const listening = findings.filter(({ check, detail }) => check === 'feed' && detail.includes('LISTEN'))
      expect(listening).toMatchObject([{ status: 'ok' }])
    },
    { timeout: 60_000, interval: 250 },
  )
}

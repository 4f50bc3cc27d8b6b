// A PostgreSQL server that dies under load, and comes back or is succeeded by its standby. TEST_SEED replays it.
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { connect, proxyTo } from '../../../verifier/test/end-to-end/connected.ts'
import { queryOn } from '../support/database-query.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import { startTwo } from '../support/instances.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { startTcpProxy, targetOf } from '../support/tcp-proxy.ts'
import { newPerson, TestClient } from '../support/test-client.ts'

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

/** Nobody is refused, and the process lives. */
async function expectUnavailable(instance: ServiceProcess): Promise<void> {
  const { username, email, password } = newPerson()
  const answer = await instance.alive(instance.client().post('/v1/users', { username, email, password }))
  expect(answer.status).toBe(503)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
}

async function expectToWrite(instance: ServiceProcess): Promise<void> {
  const { username, email, password } = newPerson()
  await vi.waitFor(
    async () => {
      const answer = await instance.client().post('/v1/users', { username, email, password })
      expect(answer.status).toBe(201)
    },
    { timeout: 20_000, interval: 100 },
  )
}

/** The server may be gone a moment before its connections are. */
const untilNotReady = (instance: ServiceProcess): Promise<void> =>
  vi.waitFor(() => expectNotReady(instance), { timeout: 20_000 })

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
      await vi.waitFor(() => expect(isRunning(cluster.pid())).toBe(false), { timeout: 20_000 })
    },
  },
]

const stops = faultRounds(3, 1 / 10)

test.each(failures)(
  'a server that is $how under load costs 503s and nothing else, and two instances recover by themselves',
  async ({ fail }) => {
    const cluster = await startCluster()
    const query = queryOn(cluster.url)
    const trial = new FaultTrial('database stopped at once')
    const instances = await startTwo(cluster.url)
    trial.moveTo(...instances)
    const verifiers = await Promise.all(instances.map((instance) => connect(instance)))
    for (let round = 0; round < stops; round += 1) {
      await trial.acknowledged(30 + trial.random.below(120))
      await trial.acknowledgedInRush(1 + trial.random.below(8))
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
  'a primary that is killed under load is succeeded by its synchronous standby without a loss',
  async () => {
    let primary = await startCluster()
    let standby = await standbyOf(primary)
    // Where the instances find whoever is the primary, as at a virtual address.
    const address = await startTcpProxy(targetOf(primary.url))
    onTestFinished(() => address.close())
    const trial = new FaultTrial('failover to a synchronous standby')
    const instances = await startTwo(`postgres://postgres@127.0.0.1:${address.port}/postgres`)
    trial.moveTo(...instances)
    const verifiers = await Promise.all(instances.map((instance) => connect(instance)))
    for (let round = 0; round < failovers; round += 1) {
      await trial.acknowledged(30 + trial.random.below(120))
      await trial.acknowledgedInRush(1 + trial.random.below(8))
      await primary.kill()
      trial.injected()
      await Promise.all(instances.map(untilNotReady))
      address.aim(targetOf(standby.url))
      // It still is a standby, which reads and does not write.
      await Promise.all(instances.map(expectUnavailable))
      await standby.promote()
      await bothAlive(instances, trial.acknowledged(60))
      await Promise.all(instances.map(expectToWrite))
      await trial.check({ query: queryOn(standby.url), verifiers })
      await Promise.all(instances.map(expectToHearOfOthers))
      primary = standby
      standby = await standbyOf(primary)
    }
    await trial.finish({ query: queryOn(primary.url), verifiers })
    await Promise.all(instances.map((instance) => instance.stop()))
  },
  timeoutFor(failovers, 60),
)

/**
 * One that is waited for with each commit. It hears of everything a moment later than the primary's clients would without
 * that, so that a commit that was not waited for is lost with the primary.
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
    { timeout: 20_000 },
  )
  link.delay(20)
  return standby
}

const bothAlive = (instances: readonly ServiceProcess[], work: Promise<void>): Promise<unknown> =>
  Promise.all(instances.map((instance) => instance.alive(work)))

/** Its connection that listens is there again. */
async function expectToHearOfOthers({ internalUrl, serviceKey }: ServiceProcess): Promise<void> {
  const operator = new TestClient(internalUrl, undefined, { token: serviceKey })
  await vi.waitFor(
    async () => {
      const { body } = await operator.get('/v1/doctor')
      const { findings } = body as { findings: { check: string; status: string; detail: string }[] }
      const listening = findings.filter(({ check, detail }) => check === 'feed' && detail.includes('LISTEN'))
      expect(listening).toMatchObject([{ status: 'ok' }])
    },
    { timeout: 20_000, interval: 250 },
  )
}

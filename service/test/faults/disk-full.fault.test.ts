// The disk of a database server fills up with data or with the write-ahead log. TEST_SEED replays it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { connect } from '../../../end-to-end/connected.ts'
import { queryOn } from '../support/database-query.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import { startTwo } from '../support/instances.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'

const DISK_MEGABYTES = 32
/** The minimum of 503s from each instance. */
const REFUSALS = 10

let disk: SmallDisk
let cluster: PrivateCluster | undefined
beforeEach(async () => {
  disk = await mountSmallDisk(DISK_MEGABYTES)
})
afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
  await disk.remove()
})

const disks = [
  {
    what: 'the data',
    start: async () => {
      const started = await startPrivateCluster({ startedBy: disk.startedBy })
      const query = queryOn(started.url)
      await query(`create tablespace small location '${disk.folder}'`)
      await query('create database small tablespace small')
      return { started, url: started.url.replace(/postgres$/, 'small') }
    },
    // Every sign-in and every end adds a row.
    strain: () => Promise.resolve(),
    ease: () => Promise.resolve(),
  },
  {
    what: 'the write-ahead log',
    start: async () => {
      const started = await startPrivateCluster({
        startedBy: disk.startedBy,
        walFolder: `${disk.folder}/wal`,
        settings: { min_wal_size: '2MB', max_wal_size: '8MB' },
      })
      return { started, url: started.url }
    },
    // The slot of an absent standby keeps the log from being recycled, and a large message fills it.
    strain: async (url: string) => {
      const query = queryOn(url)
      await query(`select pg_create_physical_replication_slot('gone', true)
        where not exists (select from pg_replication_slots)`)
      await query(`select pg_logical_emit_message(false, '', repeat('x', 500000))`)
    },
    ease: async (url: string) => {
      await queryOn(url)('select pg_drop_replication_slot(slot_name) from pg_replication_slots')
    },
  },
]

const answeredWith = (instances: readonly ServiceProcess[], wanted: number): number =>
  instances
    .flatMap(({ logs }) => logs)
    .filter(({ event, status }) => event === 'http.request' && status === wanted).length

/** The server frees some space now and then, so the ballast must grow again. */
async function untilWritesFail(
  instances: readonly ServiceProcess[],
  strain: () => Promise<void>,
): Promise<void> {
  const before = instances.map((instance) => answeredWith([instance], 503))
  await vi.waitFor(
    async () => {
      disk.fill()
      await strain().catch(() => undefined)
      const refusals = instances.map((instance, at) => answeredWith([instance], 503) - (before[at] ?? 0))
      expect(Math.min(...refusals)).toBeGreaterThanOrEqual(REFUSALS)
    },
    { timeout: 60_000 },
  )
}

/** A server that cannot write its log stops, and may not recover by itself. In that case an operator restarts it. */
async function untilServerIsBack(server: PrivateCluster): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!isRunning(server.pid())) await server.restart()
      await queryOn(server.url)('select')
    },
    { timeout: 60_000 },
  )
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const rounds = faultRounds(1, 1 / 25)

test.each(disks)(
  'a disk full of $what causes only 503s until there is space again',
  async ({ start, strain, ease }) => {
    const { started, url } = await start()
    cluster = started
    const trial = new FaultTrial('disk full')
    const instances = await startTwo(url)
    trial.moveTo(...instances)
    const verifiers = await Promise.all(instances.map((instance) => connect(instance)))
    for (let round = 0; round < rounds; round += 1) {
      await trial.acknowledged(60)
      trial.injected()
      await untilWritesFail(instances, () => strain(url))
      disk.relieve()
      await untilServerIsBack(started)
      await ease(url)
      await trial.acknowledged(60)
      await trial.check({ query: queryOn(url), verifiers })
    }
    await trial.finish({ query: queryOn(url), verifiers })
    expect(answeredWith(instances, 500)).toBe(0)
    await Promise.all(instances.map((instance) => instance.stop()))
  },
  timeoutFor(rounds),
)

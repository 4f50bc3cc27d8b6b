import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { connectWithoutDeadlines } from '../../../service/src/infrastructure/postgres/connect.ts'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import type { Bench, Outcome } from '../bench.ts'
import { Child } from '../child.ts'
import { cpuMs } from '../feed/operating-system.ts'
import { fastFilling, fillWithSessions } from './bulk-sessions.ts'
import type { DriverProcess } from './driver.ts'
import type { HttpClientProcess } from './http-client.ts'
import { Pgbench } from './pgbench.ts'
import { endedChildrenCpuMs, familyCpuMs } from './processor.ts'
import { report } from './report.ts'
import { WARM_UP_MS, type Slice } from './slice.ts'
import { NEXT_IN_SQL, SESSIONS } from './walk.ts'

const ROUNDS = 5
const SECONDS = 3
/** Before the first round; there is one before each slice besides. */
const WARM_UPS = 4
/** Those that do one thing at a time need less to tell what it takes. */
const ALONE_SECONDS = 1

/** Memory enough, and no checkpoint in the minutes that are measured; all else as PostgreSQL has it, durability too. */
const settings = { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h' }

/** Milliseconds of processor time. */
interface Work {
  readonly service: number
  readonly postgres: number
  readonly client: number
}

export interface Measured {
  readonly name: string
  readonly atOnce: number
  /** One of each round, in the order of the rounds. */
  readonly slices: Slice[]
  readonly works: Work[]
}

interface Contender extends Measured {
  readonly prepare: () => Promise<unknown>
  readonly measure: () => Promise<Slice>
  /** Undefined where each slice has a process of its own. */
  readonly clientPid?: number
}

interface Stage {
  readonly url: string
  readonly cluster: PrivateCluster
  readonly pool: pg.Pool
  readonly services: readonly ServiceProcess[]
  readonly driver: Child<DriverProcess>
  readonly client: Child<HttpClientProcess>
}

/** One that is asked in its process, first for a moment that does not count. */
function asked(
  name: string,
  atOnce: number,
  clientPid: number,
  ask: (forMs: number) => Promise<Slice>,
): Contender {
  const seconds = atOnce === 1 ? ALONE_SECONDS : SECONDS
  return {
    ...{ name, atOnce, clientPid, slices: [], works: [] },
    prepare: () => ask(WARM_UP_MS),
    measure: () => ask(seconds * 1_000),
  }
}

function contendersOn({ url, pool, driver, client }: Stage): readonly Contender[] {
  const byDriver = (way: 'statement' | 'rotate', atOnce: number): Contender =>
    asked(way, atOnce, driver.pid, (forMs) => driver.ask('measure', { way, atOnce, forMs }))
  const byHttp = (atOnce: number, instances = 1): Contender =>
    asked(instances === 1 ? 'http' : 'http at two', atOnce, client.pid, (forMs) =>
      client.ask('measure', { atOnce, instances, forMs }),
    )
  const pgbench = new Pgbench(pool, url)
  return [
    {
      ...{ name: 'pgbench', atOnce: 16, slices: [], works: [] },
      prepare: () => pgbench.noteStanding(),
      measure: () => pgbench.run(SECONDS),
    },
    byHttp(512, 2),
    byDriver('statement', 16),
    byHttp(256),
    byDriver('rotate', 128),
    byHttp(16),
    byHttp(128, 2),
    byDriver('statement', 1),
    byDriver('rotate', 1),
    byHttp(1),
  ]
}

const workOf = (stage: Stage, clientPid: number | undefined): Work => ({
  service: stage.services.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
  postgres: familyCpuMs(stage.cluster.pid()),
  client: clientPid === undefined ? endedChildrenCpuMs() : cpuMs(clientPid),
})

async function takeTurn(stage: Stage, contender: Contender): Promise<void> {
  const { prepare, measure, clientPid, slices, works } = contender
  await prepare()
  const before = workOf(stage, clientPid)
  slices.push(await measure())
  const after = workOf(stage, clientPid)
  works.push({
    service: after.service - before.service,
    postgres: after.postgres - before.postgres,
    client: after.client - before.client,
  })
}

/** One after the other, round by round, with another one first in each: what disturbs the machine meets them all. */
async function takeTurns(stage: Stage, note: (progress: string) => void): Promise<readonly Measured[]> {
  const contenders = contendersOn(stage)
  note('warming up')
  for (let time = 0; time < WARM_UPS; time += 1) for (const { prepare } of contenders) await prepare()
  for (let round = 0; round < ROUNDS; round += 1) {
    note(`round ${round + 1} of ${ROUNDS}`)
    const shift = (round * 2) % contenders.length
    for (const contender of [...contenders.slice(shift), ...contenders.slice(0, shift)])
      await takeTurn(stage, contender)
  }
  for (const { prepare } of contenders) await prepare()
  return contenders
}

/** Every page is in the log since the last checkpoint, as most are between two checkpoints of a busy server. */
async function touchPages(pool: pg.Pool): Promise<void> {
  await pool.query('checkpoint')
  await pool.query(`update sessions set refreshed_at = refreshed_at where right(id::text, 1) = '3'`)
}

async function measureOn(cluster: PrivateCluster, url: string, note: (progress: string) => void) {
  const authSecret = randomBytes(32).toString('base64url')
  const secrets = { AUTH_SECRET: authSecret, SERVICE_KEYS: randomBytes(32).toString('base64url') }
  const settings = { DATABASE_URL: url, LOG_LEVEL: 'warn', ...secrets }
  // Two, because one runs on one core while pgbench and its server have them all.
  const services = await Promise.all([startServiceProcess(settings), startServiceProcess(settings)])
  const driver = new Child<DriverProcess>(new URL('driver.ts', import.meta.url))
  const client = new Child<HttpClientProcess>(new URL('http-client.ts', import.meta.url))
  const pool = connectWithoutDeadlines(url)
  try {
    await touchPages(pool)
    await driver.ask('connect', url)
    await client.ask('use', { urls: services.map((service) => service.url), authSecret })
    return await takeTurns({ url, cluster, pool, services, driver, client }, note)
  } finally {
    await Promise.all([driver.stop(), client.stop(), pool.end(), ...services.map((each) => each.kill())])
  }
}

async function run(note: (progress: string) => void): Promise<Outcome> {
  const cluster = await startPrivateCluster({ settings })
  try {
    note(`${SESSIONS.toLocaleString('en')} sessions`)
    const { url } = cluster
    await fastFilling(cluster, () => fillWithSessions(url, { count: SESSIONS, deviceOf: NEXT_IN_SQL }))
    return { ...report(await measureOn(cluster, url, note)), postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

export const refreshBench: Bench = {
  what: 'how many sessions are refreshed per second, next to pgbench with the same statement',
  limitSeconds: 420,
  run,
}

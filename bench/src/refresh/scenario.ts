import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { connectWithoutDeadlines } from '../../../service/src/infrastructure/postgres/connect.ts'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import { Child } from '../child.ts'
import { cpuMs } from '../feed/operating-system.ts'
import { fastFilling, fillWithSessions } from './bulk-sessions.ts'
import type { DriverProcess } from './driver.ts'
import type { HttpClientProcess } from './http-client.ts'
import { Pgbench } from './pgbench.ts'
import { endedChildrenCpuMs, familyCpuMs } from './processor.ts'
import { WARM_UP_MS, type Slice } from './slice.ts'
import { NEXT_IN_SQL, SESSIONS } from './walk.ts'

const ROUNDS = 5
const SECONDS = 3
/** The warm-up before the first round. Each slice has its own as well. */
const WARM_UPS = 4
/** One request at a time needs less time for a stable figure. */
const ALONE_SECONDS = 1

/** Enough memory and no checkpoint during the run; otherwise the defaults of PostgreSQL, durability included. */
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
  /** One slice per round, in order. */
  readonly slices: Slice[]
  readonly works: Work[]
}

interface Contender extends Measured {
  readonly prepare: () => Promise<unknown>
  readonly measure: () => Promise<Slice>
  /** Undefined if each slice has its own process. */
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

/** A contender in a process of its own; its warm-up does not count. */
function asked(
  name: string,
  atOnce: number,
  clientPid: number,
  ask: (forMs: number) => Promise<Slice>,
): Contender {
  const seconds = atOnce === 1 ? ALONE_SECONDS : SECONDS
  return {
    name,
    atOnce,
    clientPid,
    slices: [],
    works: [],
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
      name: 'pgbench',
      atOnce: 16,
      slices: [],
      works: [],
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

/** Interleaved, with a different one first in each round: a disturbance of the machine hits them all. */
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
  const secrets = {
    AUTH_SECRET: authSecret,
    SERVICE_KEYS: `bench:verify:${randomBytes(32).toString('base64url')}`,
  }
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

export interface Measurements {
  readonly measured: readonly Measured[]
  /** The version of PostgreSQL. */
  readonly postgres: string
}

/** A million sessions on a PostgreSQL of its own, and every contender in turn. */
export async function measure(note: (progress: string) => void): Promise<Measurements> {
  const cluster = await startPrivateCluster({ settings })
  try {
    note(`${SESSIONS.toLocaleString('en')} sessions`)
    const { url } = cluster
    await fastFilling(cluster, () => fillWithSessions(url, { count: SESSIONS, deviceOf: NEXT_IN_SQL }))
    return { measured: await measureOn(cluster, url, note), postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

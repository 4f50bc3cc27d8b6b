import { randomBytes } from 'node:crypto'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import type { Password } from '../../../service/src/domain/password.ts'
import { Argon2PasswordHasher } from '../../../service/src/infrastructure/crypto/argon2-password-hasher.ts'
import { connectWithoutDeadlines } from '../../../service/src/infrastructure/postgres/connect.ts'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import type { Outcome } from '../bench.ts'
import { Child } from '../child.ts'
import { fastFilling, fillWithSessions } from '../refresh/bulk-sessions.ts'
import { WARM_UP_MS, type Slice } from '../refresh/slice.ts'
import type { GrowthDriver } from './driver.ts'
import type { RequestKind, GrowthClient } from './http-client.ts'
import { measurePages } from './pages.ts'
import { addUsers } from './add-users.ts'
import { MOST, SIGNING_IN, SIZES, type Reach } from './reach.ts'

const ROUNDS = 5
const PASSWORD = 'correct horse battery staple'

/** The settings of the refresh bench: enough memory, no checkpoint during the run, otherwise PostgreSQL's defaults. */
const settings = { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h' }

export const WORKS = {
  statement: { atOnce: 16, forMs: 1_200 },
  anywhere: { atOnce: 16, forMs: 1_200 },
  refresh: { atOnce: 16, forMs: 1_200 },
  list: { atOnce: 4, forMs: 700 },
  search: { atOnce: 4, forMs: 700 },
  signIn: { atOnce: 2, forMs: 1_000 },
} as const
export type Work = keyof typeof WORKS

export interface Measured {
  readonly work: Work
  readonly size: number
  /** One slice per round, in order. */
  readonly slices: Slice[]
}

const databaseOf = (size: number): string => `auth_${size}`
const urlOf = ({ url }: PrivateCluster, size: number): string => new URL(databaseOf(size), url).href

async function createDatabases({ url }: PrivateCluster): Promise<void> {
  const pool = connectWithoutDeadlines(url)
  for (const size of SIZES) await pool.query(`create database ${databaseOf(size)}`)
  await pool.end()
}

async function fill(cluster: PrivateCluster, note: (progress: string) => void): Promise<void> {
  await createDatabases(cluster)
  await fastFilling(cluster, async () => {
    for (const count of SIZES) {
      note(`${count.toLocaleString('en')} sessions`)
      await fillWithSessions(urlOf(cluster, count), { count, addUsers })
    }
  })
}

/** Sets a password for the users who will sign in, and returns their names. */
async function setPasswords(url: string): Promise<string[]> {
  const hash = await new Argon2PasswordHasher().hash(PASSWORD as Password, [])
  const pool = connectWithoutDeadlines(url)
  try {
    const { rows } = await pool.query<{ username: string }>(
      'update users set password_hash = $1 where id <= $2 returning username',
      [hash, SIGNING_IN],
    )
    return rows.map(({ username }) => username)
  } finally {
    await pool.end()
  }
}

interface Stage {
  readonly driver: Child<GrowthDriver>
  readonly client: Child<GrowthClient>
}

async function openSize(
  { driver, client }: Stage,
  url: string,
  size: number,
  services: ServiceProcess[],
): Promise<void> {
  const authSecret = randomBytes(32).toString('base64url')
  const secrets = {
    AUTH_SECRET: authSecret,
    SERVICE_KEYS: `bench:verify:${randomBytes(32).toString('base64url')}`,
  }
  const own = { DATABASE_URL: url, LOG_LEVEL: 'warn', ACCESS_TOKEN_TTL: '1h' }
  const names = await setPasswords(url)
  const service = await startServiceProcess({ ...own, ...secrets })
  services.push(service)
  await driver.ask('connect', { size, url, atOnce: WORKS.statement.atOnce })
  await client.ask('use', { size, url: service.url, authSecret, names, password: PASSWORD })
}

function ask({ driver, client }: Stage, work: Work, size: number, forMs: number): Promise<Slice> {
  const { atOnce } = WORKS[work]
  const byDriver = (reach: Reach) => driver.ask('measure', { size, reach, atOnce, forMs })
  const byHttp = (kind: RequestKind) => client.ask('measure', { size, kind, atOnce, forMs })
  if (work === 'statement') return byDriver('near')
  return work === 'anywhere' ? byDriver('anywhere') : byHttp(work)
}

async function measureOne(stage: Stage, work: Work, size: number): Promise<Slice> {
  await ask(stage, work, size, WARM_UP_MS)
  return ask(stage, work, size, WORKS[work].forMs)
}

/** Measures one kind of work at all sizes in succession, starting with another size in each round. */
async function takeTurns(stage: Stage, note: (progress: string) => void): Promise<readonly Measured[]> {
  const works = Object.keys(WORKS) as Work[]
  const measured = works.flatMap((work) => SIZES.map((size): Measured => ({ work, size, slices: [] })))
  note('warming up')
  for (const { work, size } of measured) if (work !== 'anywhere') await measureOne(stage, work, size)
  for (let round = 0; round < ROUNDS; round += 1) {
    note(`round ${round + 1} of ${ROUNDS}`)
    for (const work of works) {
      const lanes = measured.filter((each) => each.work === work)
      const shift = round % lanes.length
      for (const lane of [...lanes.slice(shift), ...lanes.slice(0, shift)])
        lane.slices.push(await measureOne(stage, work, lane.size))
    }
  }
  return measured
}

async function measureOn(
  cluster: PrivateCluster,
  note: (progress: string) => void,
): Promise<readonly Measured[]> {
  const driver = new Child<GrowthDriver>(new URL('driver.ts', import.meta.url))
  const client = new Child<GrowthClient>(new URL('http-client.ts', import.meta.url))
  const services: ServiceProcess[] = []
  try {
    for (const size of SIZES) await openSize({ driver, client }, urlOf(cluster, size), size, services)
    return await takeTurns({ driver, client }, note)
  } finally {
    await Promise.all([driver.stop(), client.stop(), ...services.map((service) => service.kill())])
  }
}

export interface Measurements {
  readonly sizes: readonly Measured[]
  readonly pages: Omit<Outcome, 'postgres'>
  /** The version of PostgreSQL. */
  readonly postgres: string
}

/** Databases of every size in one PostgreSQL: the same work in each, then pages of searches in the largest. */
export async function measure(note: (progress: string) => void): Promise<Measurements> {
  const cluster = await startPrivateCluster({ settings })
  try {
    await fill(cluster, note)
    const sizes = await measureOn(cluster, note)
    const pages = await measurePages(urlOf(cluster, MOST), note)
    return { sizes, pages, postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

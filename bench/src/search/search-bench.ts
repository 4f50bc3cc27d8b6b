import type pg from 'pg'
import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import type { SearchPlace } from '../../../service/src/domain/user-search.ts'
import type { UserId } from '../../../service/src/domain/user.ts'
import { connectPool, connectWithoutDeadlines } from '../../../service/src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../service/src/infrastructure/postgres/database.ts'
import { migrate } from '../../../service/src/infrastructure/postgres/migrate.ts'
import { PostgresUsers } from '../../../service/src/infrastructure/postgres/postgres-users.ts'
import type { Bench, Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { Plot } from '../plot.ts'
import { latency, type Latency } from '../statistics.ts'
import { addPeople } from './people.ts'

const PEOPLE = 1_000_000
const SEARCHES = 400
const LATER_PAGE = 50
/** One more than is shown tells whether there is another page. */
const PAGE = 21
const LIMIT_MS = 20

const kinds = {
  'the letter a': ['a'],
  'any letter, digit or sign': Array.from('abcdefghijklmnopqrstuvwxyz0123456789._-'),
  'two letters': ['an', 'er', 'ma', 'le', 'on', 'in', 'll', 'ss', 'nn', 'aa', '.s', '12', 'xq', 'zz'],
  'common: ann': ['ann'],
  'a first or last name': ['anna', 'maria', 'smith', 'johnson', 'martinez', 'chen'],
  rare: ['quentinokafor', 'margauxdi', 'xavierz', '9876', 'velvetb'],
  exact: ['maria.smith', 'annasilva1', 'jack1', 'mariaking'],
  nobody: ['qqqq', 'zzzzz', 'nobodyhasthis', 'xqxq'],
} as const

interface Measured {
  readonly kind: string
  readonly first: Latency
  readonly later: Latency
}

const search = (users: PostgresUsers, fragment: string, after: SearchPlace | undefined) =>
  users.search({ fragment, after, limit: PAGE, except: 17 as UserId, withDisabled: false })

const timed = async <T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> => {
  const startedAt = performance.now()
  const value = await work()
  return { ms: performance.now() - startedAt, value }
}

/** Where the last page begins that there is, up to the given one. */
async function placeOfPage(
  users: PostgresUsers,
  fragment: string,
  page: number,
): Promise<SearchPlace | undefined> {
  let after: SearchPlace | undefined
  for (let read = 1; read < page; read += 1) {
    const found = await search(users, fragment, after)
    if (found.length < PAGE) break
    after = found.at(-2)?.place
  }
  return after
}

async function measure(users: PostgresUsers, kind: string, fragments: readonly string[]): Promise<Measured> {
  const places = new Map<string, SearchPlace | undefined>()
  for (const fragment of fragments) places.set(fragment, await placeOfPage(users, fragment, LATER_PAGE))
  const first: number[] = []
  const later: number[] = []
  for (let number = 0; number < SEARCHES; number += 1) {
    const fragment = fragments[number % fragments.length] ?? ''
    first.push((await timed(() => search(users, fragment, undefined))).ms)
    later.push((await timed(() => search(users, fragment, places.get(fragment)))).ms)
  }
  return { kind, first: latency(first), later: latency(later) }
}

const findingOf = ({ kind, first, later }: Measured): Finding => ({
  promise: `search among ${PEOPLE.toLocaleString('en')} people, ${kind}: p99 within ${LIMIT_MS} ms`,
  figure: `p50 ${milliseconds(first.p50)}, p99 ${milliseconds(first.p99)}`,
  against: `page ${LATER_PAGE}: p50 ${milliseconds(later.p50)}, p99 ${milliseconds(later.p99)}`,
  isKept: Math.max(first.p99, later.p99) <= LIMIT_MS,
})

async function sizeFinding(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ bytes: number; length: number }>(
    `select pg_total_relation_size('username_endings')::float8 / ${PEOPLE} as bytes,
       (select avg(length(username_key))::float8 from users) as length`,
  )
  const { bytes = NaN, length = NaN } = rows[0] ?? {}
  return {
    promise: 'room that search takes per person, indexes freshly made',
    figure: `${readable(bytes)} bytes`,
    against: `names of ${readable(length)} characters`,
  }
}

const plot = (measured: readonly Measured[]): Plot => ({
  kind: 'bars',
  name: 'pages',
  title: `How long a page of a search among ${PEOPLE.toLocaleString('en')} people takes`,
  subtitle: `99th percentile of ${SEARCHES}, at most ${LIMIT_MS} ms are promised. Lower is better.`,
  unit: 'milliseconds',
  series: ['first page', `page ${LATER_PAGE}`],
  groups: measured.map(({ kind, first, later }) => ({ name: kind, values: [first.p99, later.p99] })),
})

async function run(note: (progress: string) => void): Promise<Outcome> {
  // How it is filled is not what is measured.
  const cluster = await startPrivateCluster({ settings: { fsync: 'off', max_wal_size: '8GB' } })
  try {
    const filling = openDatabase(connectWithoutDeadlines(cluster.url))
    await migrate(filling)
    await filling.destroy()
    note(`${PEOPLE.toLocaleString('en')} people sign up`)
    await addPeople(cluster.url, PEOPLE)
    const pool = connectPool(cluster.url, 1)
    const users = new PostgresUsers(openDatabase(pool))
    const measured: Measured[] = []
    for (const [kind, fragments] of Object.entries(kinds)) {
      note(kind)
      measured.push(await measure(users, kind, fragments))
    }
    const findings = [...measured.map(findingOf), await sizeFinding(pool)]
    await pool.end()
    return { findings, figures: measured, plots: [plot(measured)], postgres: cluster.version }
  } finally {
    await cluster.stop()
  }
}

export const searchBench: Bench = {
  what: 'how long a page of a search by name takes among a million people',
  limitSeconds: 900,
  run,
}

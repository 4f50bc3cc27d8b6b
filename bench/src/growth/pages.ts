import type pg from 'pg'
import type { SearchCursor } from '../../../service/src/domain/user-search.ts'
import type { UserId } from '../../../service/src/domain/user.ts'
import { connectPool } from '../../../service/src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../service/src/infrastructure/postgres/database.ts'
import { PostgresUsers } from '../../../service/src/infrastructure/postgres/postgres-users.ts'
import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { Plot } from '../plot.ts'
import { SESSIONS_PER_PERSON } from '../refresh/bulk-sessions.ts'
import { latency, type Latency } from '../statistics.ts'
import { MOST } from './reach.ts'

const PEOPLE = MOST / SESSIONS_PER_PERSON
const SEARCHES = 300
const LATER_PAGE = 50
/** One row more than a page shows whether there is another page. */
const PAGE = 21
const LIMIT_MS = 20

/** Fragments that no name contains. */
const NOBODY = 'nobody'

const kinds = {
  'the letter a': ['a'],
  'any letter, digit or sign': Array.from('abcdefghijklmnopqrstuvwxyz0123456789._-'),
  'two letters': ['an', 'er', 'ma', 'le', 'on', 'in', 'll', 'ss', 'nn', 'aa', '.s', '12', 'xq', 'zz'],
  'common: ann': ['ann'],
  'a first or last name': ['anna', 'maria', 'smith', 'johnson', 'martinez', 'chen'],
  rare: ['quentinokafor', 'margauxm', 'xavierz', '9876', 'velvetb'],
  exact: ['maria.smith', 'annasilva1', 'jack1', 'mariaking'],
  [NOBODY]: ['qqqq', 'zzzzz', 'nobodyhasthis', 'xqxq'],
} as const

interface LaterPages extends Latency {
  /** The number of the page, of the fragment with the fewest and of that with the most; at most LATER_PAGE. */
  readonly nearest: number
  readonly farthest: number
}

interface Measured {
  readonly kind: string
  readonly first: Latency
  /** Of those fragments that have more than one page. */
  readonly later?: LaterPages
}

interface Place {
  readonly fragment: string
  readonly page: number
  /** Undefined on the first page. */
  readonly after: SearchCursor | undefined
}

const search = (users: PostgresUsers, fragment: string, after: SearchCursor | undefined) =>
  users.search({ fragment, after, limit: PAGE, except: 17 as UserId, withDisabled: false, now: new Date() })

const timed = async <T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> => {
  const startedAt = performance.now()
  const value = await work()
  return { ms: performance.now() - startedAt, value }
}

/** The cursor of the last existing page, up to LATER_PAGE. */
async function lastPlace(users: PostgresUsers, fragment: string): Promise<Place> {
  let after: SearchCursor | undefined
  for (let page = 1; page < LATER_PAGE; page += 1) {
    const found = await search(users, fragment, after)
    if (found.length < PAGE) return { fragment, page, after }
    after = found.at(-2)?.cursor
  }
  return { fragment, page: LATER_PAGE, after }
}

/** Rejects if a fragment does not match as its kind says: the figures would describe something else. */
async function checkFragments(
  users: PostgresUsers,
  kind: string,
  fragments: readonly string[],
): Promise<void> {
  for (const fragment of fragments) {
    const isFound = (await search(users, fragment, undefined)).length > 0
    if (isFound === (kind === NOBODY))
      throw new Error(`"${fragment}" matches ${isFound ? 'a' : 'no'} user (${kind}).`)
  }
}

async function measure(users: PostgresUsers, kind: string, fragments: readonly string[]): Promise<Measured> {
  await checkFragments(users, kind, fragments)
  const places: Place[] = []
  for (const fragment of fragments) places.push(await lastPlace(users, fragment))
  const first: number[] = []
  const later: number[] = []
  for (let number = 0; number < SEARCHES; number += 1) {
    const { fragment = '', after } = places[number % places.length] ?? {}
    first.push((await timed(() => search(users, fragment, undefined))).ms)
    if (after !== undefined) later.push((await timed(() => search(users, fragment, after))).ms)
  }
  const pages = places.map(({ page }) => page).filter((page) => page > 1)
  if (pages.length === 0) return { kind, first: latency(first) }
  const reached = { nearest: Math.min(...pages), farthest: Math.max(...pages) }
  return { kind, first: latency(first), later: { ...reached, ...latency(later) } }
}

const pagesOf = ({ nearest, farthest }: LaterPages): string =>
  nearest === farthest ? `page ${farthest}` : `pages ${nearest} to ${farthest}`

const findingOf = ({ kind, first, later }: Measured): Finding => ({
  promise: `search among ${PEOPLE.toLocaleString('en')} users, ${kind}: p99 within ${LIMIT_MS} ms`,
  figure: `p50 ${milliseconds(first.p50)}, p99 ${milliseconds(first.p99)}`,
  against:
    later === undefined
      ? '-'
      : `${pagesOf(later)}: p50 ${milliseconds(later.p50)}, p99 ${milliseconds(later.p99)}`,
  isKept: Math.max(first.p99, later?.p99 ?? 0) <= LIMIT_MS,
})

async function sizeFinding(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ bytes: number; length: number }>(
    `select pg_total_relation_size('username_endings')::float8 / ${PEOPLE} as bytes,
       (select avg(length(username_key))::float8 from users) as length`,
  )
  const { bytes = NaN, length = NaN } = rows[0] ?? {}
  return {
    promise: 'disk space of search per user, indexes freshly built',
    figure: `${readable(bytes)} bytes`,
    against: `names of ${readable(length)} characters`,
  }
}

const plot = (measured: readonly Measured[]): Plot => ({
  kind: 'bars',
  name: 'pages',
  title: `How long a page of a search among ${PEOPLE.toLocaleString('en')} users takes`,
  subtitle: `99th percentile of ${SEARCHES}, at most ${LIMIT_MS} ms are promised. Lower is better.`,
  unit: 'milliseconds',
  series: ['first page', `page ${LATER_PAGE}, or the last there is`],
  groups: measured.map(({ kind, first, later }) => ({ name: kind, values: [first.p99, later?.p99] })),
})

/** How long a page of a search takes in the database at `url`; one search at a time. */
export async function measurePages(
  url: string,
  note: (progress: string) => void,
): Promise<Omit<Outcome, 'postgres'>> {
  const pool = connectPool(url, 1)
  try {
    const users = new PostgresUsers(openDatabase(pool))
    const measured: Measured[] = []
    for (const [kind, fragments] of Object.entries(kinds)) {
      note(`search, ${kind}`)
      measured.push(await measure(users, kind, fragments))
    }
    const findings = [...measured.map(findingOf), await sizeFinding(pool)]
    return { findings, figures: measured, plots: [plot(measured)] }
  } finally {
    await pool.end()
  }
}

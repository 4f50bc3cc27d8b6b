import { spawnSync } from 'node:child_process'
import pg from 'pg'
import type { PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import type { SessionId } from '../../../service/src/domain/session.ts'
import type { UserId } from '../../../service/src/domain/user.ts'
import { connectWithoutDeadlines } from '../../../service/src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../service/src/infrastructure/postgres/database.ts'
import { migrate } from '../../../service/src/infrastructure/postgres/migrate.ts'

// Sessions are numbered from 0. The owner and the id of a session follow from its number, so no look-up is needed.

export const SESSIONS_PER_PERSON = 10
const ID_PREFIX = '01900000-0000-7000-8000-'

export const ownerOf = (session: number): UserId => (Math.floor(session / SESSIONS_PER_PERSON) + 1) as UserId

export const sessionIdOf = (session: number): SessionId =>
  `${ID_PREFIX}${session.toString(16).padStart(12, '0')}` as SessionId

/** The same in SQL, of an expression. */
const idInSql = (session: string): string => `('${ID_PREFIX}' || lpad(to_hex(${session}), 12, '0'))::uuid`

/** The number of a session in SQL, of its id. */
export const NUMBER_IN_SQL = `('x' || right(id::text, 12))::bit(48)::bigint`

async function runStatements(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0'

/** Where refreshes come from. */
export const LAST_PLACE = { address: '198.18.0.0', userAgent: USER_AGENT }

export interface BulkSessions {
  readonly count: number
  /** In SQL, of `n`, the session's number: the number of another one, whose id becomes the device's id. */
  readonly deviceOf?: string
  /** Adds the owners of the sessions, numbered from 1. */
  readonly addUsers?: (url: string, count: number) => Promise<void>
}

/** Users without search entries. */
const addPlainPeople = (url: string, count: number): Promise<void> =>
  runStatements(url, [
    `insert into users (id, username, username_key, email, email_key, email_verified, email_version, password_hash, password_version,
       roles, created_at)
     select n, name, name, name || '@example.org', name || '@example.org', false, 1, '$argon2id$none', 1, '{}', now()
     from generate_series(1, ${count}) as n, concat('user', n) as name`,
  ])

const sessions = ({ count, deviceOf }: BulkSessions): string => `
  insert into sessions (user_id, id, generation, confirmed_generation, created_at, refreshed_at, last_seen_at,
    idle_expires_at, expires_at, check_after, device_id, device_name, user_agent, address, auth_time, amr, roles)
  select n / ${SESSIONS_PER_PERSON} + 1, ${idInSql('n')}, 0, 0, now(), now(), now(), now() + interval '30 days',
    now() + interval '180 days', now() + interval '30 days',
    ${deviceOf === undefined ? 'null' : `${idInSql(deviceOf)}::text`}, 'Firefox on Linux', '${USER_AGENT}',
    '198.18.0.0'::inet + n % 65536, now(), '{pwd}', '{}'
  from generate_series(0, ${count - 1}::bigint) as n`

/** The definitions of what the migrations created, to create it again. */
const DEFINITIONS = `
  select format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as make,
    format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop
  from pg_constraint where conrelid = 'sessions'::regclass and contype = 'p'
  union all
  select pg_get_indexdef(indexrelid), format('drop index %s', indexrelid::regclass)
  from pg_index where indrelid = 'sessions'::regclass and not indisprimary`

/** Creates a database of the service with `count` live sessions. Each has just signed in and was never refreshed. */
export async function fillWithSessions(url: string, bulk: BulkSessions): Promise<void> {
  const { count, addUsers = addPlainPeople } = bulk
  const filling = openDatabase(connectWithoutDeadlines(url))
  await migrate(filling)
  await filling.destroy()
  // In parallel: neither statement reads the rows of the other.
  const memory = { maintenance_work_mem: '1GB', work_mem: '256MB' }
  const filledFrom = withSettings(url, { session_replication_role: 'replica', ...memory })
  await Promise.all([
    addUsers(filledFrom, Math.ceil(count / SESSIONS_PER_PERSON)),
    addSessions(filledFrom, bulk),
  ])
  await runStatements(url, ['vacuum analyze'])
}

/** The same database, with other settings for whoever connects by this address. */
function withSettings(url: string, settings: Readonly<Record<string, string>>): string {
  const changed = new URL(url)
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
  changed.searchParams.set('options', options.join(' '))
  return changed.href
}

async function addSessions(url: string, bulk: BulkSessions): Promise<void> {
  const pool = connectWithoutDeadlines(url)
  const { rows } = await pool.query<{ make: string; drop: string }>(DEFINITIONS)
  await pool.end()
  await runStatements(url, [
    // In one transaction: what a table was given since it was emptied need not be in the log (see fastFilling).
    'begin',
    'truncate sessions',
    ...rows.map(({ drop }) => drop),
    sessions(bulk),
    ...rows.map(({ make }) => make),
    'commit',
  ])
}

/** Nothing is durable while `fill` runs. Afterwards everything is durable and written to disk. */
export async function fastFilling(cluster: PrivateCluster, fill: () => Promise<void>): Promise<void> {
  const quick = { wal_level: 'minimal', max_wal_senders: '0', fsync: 'off', autovacuum: 'off' }
  await runStatements(
    cluster.url,
    Object.entries(quick).map(([name, value]) => `alter system set ${name} = '${value}'`),
  )
  await cluster.restart()
  await fill()
  await runStatements(cluster.url, ['alter system reset all'])
  await cluster.restart()
  spawnSync('sync')
}

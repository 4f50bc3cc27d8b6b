import { sql } from 'kysely'
import type { Finding } from '../../interface-adapters/http/doctor-routes.ts'
import type { Database } from '../postgres/database.ts'
import { migrationState } from '../postgres/migrate.ts'
import type { PoolUse } from '../storage.ts'
import { failed, ok, readable, warning } from './finding.ts'

const OLDEST_VERSION = 15
const SLOW_MS = 100
const ROUND_TRIPS = 3

/** Each check on its own: one that fails takes no other with it. */
export const databaseChecks: Record<string, (db: Database) => Promise<readonly Finding[]>> = {
  database: answers,
  migrations: areDone,
  durability: isKept,
}

async function answers(db: Database): Promise<readonly Finding[]> {
  let best = Infinity
  for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
    const sent = performance.now()
    await sql`select 1`.execute(db)
    best = Math.min(best, performance.now() - sent)
  }
  const { version, number, read_only } = await one<{
    version: string
    number: number
    read_only: boolean
  }>(
    db,
    sql`select split_part(current_setting('server_version'), ' ', 1) as version,
      current_setting('server_version_num')::int as number,
      pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only`,
  )
  const detail = `PostgreSQL ${version} answers in ${readable(best)}`
  if (read_only) {
    return [
      failed(
        'database',
        `${detail}, and takes no changes`,
        'Let DATABASE_URL name the primary, not a standby.',
      ),
    ]
  }
  if (number < OLDEST_VERSION * 10_000) {
    return [failed('database', detail, `Upgrade it to PostgreSQL ${OLDEST_VERSION} or later.`)]
  }
  if (best > SLOW_MS)
    return [warning('database', detail, 'Every request waits for it: run the service close to it.')]
  return [ok('database', detail)]
}

async function areDone(db: Database): Promise<readonly Finding[]> {
  const { done, missing, unknown } = await migrationState(db)
  if (missing.length > 0) {
    const detail = `not done: ${missing.join(', ')}`
    return [failed('migrations', detail, 'Start the service again: it migrates before it listens.')]
  }
  if (unknown.length > 0) {
    const detail = `the database is ahead of this version: ${unknown.join(', ')}`
    return [warning('migrations', detail, 'Finish the upgrade: run the same version everywhere.')]
  }
  return [ok('migrations', `all ${done.length} are done`)]
}

async function isKept(db: Database): Promise<readonly Finding[]> {
  const settings = ['fsync', 'full_page_writes', 'synchronous_commit'] as const
  const found = await one<Record<(typeof settings)[number], string>>(
    db,
    sql`select ${sql.join(settings.map((name) => sql`current_setting(${name}) as ${sql.id(name)}`))}`,
  )
  const detail = settings.map((name) => `${name}=${found[name]}`).join(', ')
  const off = settings.filter((name) => found[name] === 'off')
  if (off.length === 0) return [ok('durability', detail)]
  const advice = `After a power cut an acknowledged logout may be gone, or the database. Set ${off.join(' and ')} to on.`
  return [warning('durability', detail, advice)]
}

/** Those of this instance, and what is left on the server. */
export async function connectionFindings(db: Database, use: PoolUse): Promise<readonly Finding[]> {
  const own = `${use.open - use.idle} of ${use.size} in use here`
  const advice = 'Raise DATABASE_POOL_SIZE, if the server has connections left.'
  const waiting =
    use.waiting > 0 ? [warning('connections', `${use.waiting} wait for one; ${own}`, advice)] : []
  if (use.isEmbedded)
    return [...waiting, ok('connections', `the embedded database has one; ${use.waiting} wait`)]
  const { used, most } = await one<{ used: number; most: number }>(
    db,
    sql`select (select sum(numbackends) from pg_stat_database)::int as used,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most`,
  )
  const left = most - used
  const detail = `${own}; ${left} of ${most} left on the server`
  if (left >= use.size - use.open && left > most / 10) return [...waiting, ok('connections', detail)]
  return [
    ...waiting,
    warning(
      'connections',
      detail,
      'Raise max_connections of the server, or lower DATABASE_POOL_SIZE of the instances.',
    ),
  ]
}

async function one<T>(db: Database, query: ReturnType<typeof sql>): Promise<T> {
  const { rows } = await query.execute(db)
  if (rows[0] === undefined) throw new Error('the database answered nothing')
  return rows[0] as T
}

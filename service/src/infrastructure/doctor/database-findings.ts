import { sql } from 'kysely'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Database } from '../postgres/database.ts'
import { migrationState } from '../postgres/migrate.ts'
import type { PoolUse, Storage } from '../storage/storage.ts'
import { failed, ok, readable, warning } from './finding.ts'

const OLDEST_VERSION = 15
const SLOW_MS = 100
const ROUND_TRIPS = 3
const MOST_NAMED = 20

/** Each check runs by itself, so that a failed one does not stop the others. */
export const databaseChecks: Record<string, (db: Database) => Promise<readonly Finding[]>> = {
  database: responseFindings,
  migrations: migrationFindings,
  durability: durabilityFindings,
  names: nameFindings,
}

async function responseFindings(db: Database): Promise<readonly Finding[]> {
  let best = Infinity
  for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
    const sent = performance.now()
    await sql`select 1`.execute(db)
    best = Math.min(best, performance.now() - sent)
  }
  const { version, number, standby, read_only } = await one<{
    version: string
    number: number
    standby: boolean
    read_only: boolean
  }>(
    db,
    sql`select split_part(current_setting('server_version'), ' ', 1) as version,
      current_setting('server_version_num')::int as number,
      pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as read_only`,
  )
  const detail = `PostgreSQL ${version} responds in ${readable(best)}`
  if (standby || read_only) {
    const advice = standby
      ? 'Set DATABASE_URL to the primary, not to a standby.'
      : 'Set default_transaction_read_only to off for the server, the database and the role.'
    return [failed('database', `${detail}, but is read-only`, advice)]
  }
  if (number < OLDEST_VERSION * 10_000) {
    return [failed('database', detail, `Upgrade it to PostgreSQL ${OLDEST_VERSION} or later.`)]
  }
  if (best > SLOW_MS)
    return [warning('database', detail, 'Every request waits for the database. Run the service close to it.')]
  return [ok('database', detail)]
}

async function migrationFindings(db: Database): Promise<readonly Finding[]> {
  const { done, missing, unknown } = await migrationState(db)
  if (missing.length > 0) {
    const detail = `missing: ${missing.join(', ')}`
    return [failed('migrations', detail, 'Restart the service: it migrates the database before it listens.')]
  }
  if (unknown.length > 0) {
    const detail = `the database is ahead of this version: ${unknown.join(', ')}`
    return [warning('migrations', detail, 'Finish the upgrade: run the same version on all instances.')]
  }
  return [ok('migrations', `all ${done.length} are applied`)]
}

async function durabilityFindings(db: Database): Promise<readonly Finding[]> {
  const settings = ['fsync', 'full_page_writes', 'synchronous_commit'] as const
  const found = await one<Record<(typeof settings)[number], string>>(
    db,
    sql`select ${sql.join(settings.map((name) => sql`current_setting(${name}) as ${sql.id(name)}`))}`,
  )
  const detail = settings.map((name) => `${name}=${found[name]}`).join(', ')
  const off = settings.filter((name) => found[name] === 'off')
  if (off.length === 0) return [ok('durability', detail)]
  const advice = `A power cut can lose a logout that was acknowledged, or the whole database. Set ${off.join(' and ')} to on.`
  return [warning('durability', detail, advice)]
}

/** A change of the rules for looks may find users who look alike already. They keep their names. */
async function nameFindings(db: Database): Promise<readonly Finding[]> {
  const { rows } = await sql<{ users: string }>`
    select least(held.user_id, shared.user_id) || ' and ' || greatest(held.user_id, shared.user_id) as users
    from shared_username_looks as shared join username_looks as held using (look)
    group by users order by users limit ${MOST_NAMED + 1}`.execute(db)
  if (rows.length === 0) return [ok('names', 'no two users look alike')]
  const named = rows.slice(0, MOST_NAMED).map(({ users }) => users)
  const more = rows.length > MOST_NAMED ? ' and more' : ''
  const advice =
    'Look whether one passes for the other; ask one of them to change the name. Nobody new can take either.'
  return [warning('names', `users that look alike: ${named.join(', ')}${more}`, advice)]
}

/** The connections of this instance, and how many are left on the server. */
export async function connectionFindings(
  { db, pooling }: Pick<Storage, 'db' | 'pooling'>,
  use: PoolUse,
): Promise<readonly Finding[]> {
  const through = pooling === 'none' ? '' : `, through a pooler in ${pooling} mode`
  const own = `${use.open - use.idle} of ${use.size} in use here${through}`
  const advice = 'Raise DATABASE_POOL_SIZE if the server has connections left.'
  const waiting =
    use.waiting > 0 ? [warning('connections', `${use.waiting} calls wait for one; ${own}`, advice)] : []
  if (use.isEmbedded)
    return [...waiting, ok('connections', `the embedded database has one; ${use.waiting} calls wait for it`)]
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
      'Raise max_connections on the server, or lower DATABASE_POOL_SIZE on the instances.',
    ),
  ]
}

async function one<T>(db: Database, query: ReturnType<typeof sql>): Promise<T> {
  const { rows } = await query.execute(db)
  if (rows[0] === undefined) throw new Error('the database returned no row')
  return rows[0] as T
}

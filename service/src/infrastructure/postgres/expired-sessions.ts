import { sql, type RawBuilder } from 'kysely'
import type { Session } from '../../domain/session.ts'
import type { Database } from './database.ts'
import { toSession } from './rows.ts'

export const SESSION_EXPIRY: RawBuilder<Date> = sql`least(idle_expires_at, expires_at)`

/** As `SessionsInTransaction.lockExpired`. */
export async function lockExpiredSessions(
  trx: Database,
  now: Date,
  limit: number,
): Promise<readonly Session[]> {
  await postponeChecks(trx, now, limit)
  const expired = due(trx, now, limit).where(SESSION_EXPIRY, '<=', now)
  const owners = (await expired.select('user_id').execute()).map(({ user_id }) => user_id)
  if (owners.length === 0) return []
  const users = await trx
    .selectFrom('users')
    .select('id')
    .where('id', 'in', owners)
    .orderBy('id')
    .forNoKeyUpdate()
    .skipLocked()
    .execute()
  const held = users.map(({ id }) => id)
  if (held.length === 0) return []
  const rows = await expired.selectAll().where('user_id', 'in', held).forNoKeyUpdate().skipLocked().execute()
  return rows.map(toSession)
}

/**
 * Moves the due check of up to `limit` sessions that were refreshed since to the time at which they now run out. Returns how
 * many.
 */
export async function postponeChecks(trx: Database, now: Date, limit: number): Promise<number> {
  const refreshed = due(trx, now, limit)
    .select(['user_id', 'id'])
    .where(SESSION_EXPIRY, '>', now)
    .forNoKeyUpdate()
    .skipLocked()
  const { numUpdatedRows } = await trx
    .with('refreshed', () => refreshed)
    .updateTable('sessions')
    .from('refreshed')
    .set({ check_after: SESSION_EXPIRY })
    .whereRef('sessions.user_id', '=', 'refreshed.user_id')
    .whereRef('sessions.id', '=', 'refreshed.id')
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

const due = (trx: Database, now: Date, limit: number) =>
  trx
    .selectFrom('sessions')
    .where('ended_at', 'is', null)
    .where('check_after', '<=', now)
    .orderBy('check_after')
    .limit(limit)

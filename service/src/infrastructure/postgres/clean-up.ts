import type { Database } from './database.ts'

/** Ended sessions stay for so long, to tell a late client why, and to show in an export. */
const ENDED_SESSION_RETENTION_MS = 30 * 24 * 3600 * 1000
/** Clocks of those who verify may be slow by this much. */
const REVOCATION_TOLERANCE_MS = 10 * 60 * 1000

/** Removes up to `limit` sessions that ended long ago; answers how many. */
export async function removeEndedSessions(db: Database, now: Date, limit: number): Promise<number> {
  const old = db
    .selectFrom('sessions')
    .select(['user_id', 'id'])
    .where('ended_at', '<=', new Date(+now - ENDED_SESSION_RETENTION_MS))
    .limit(limit)
  const query = db
    .deleteFrom('sessions')
    .using(old.as('old'))
    .whereRef('sessions.user_id', '=', 'old.user_id')
    .whereRef('sessions.id', '=', 'old.id')
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}

/** Removes up to `limit` revocations of sessions whose tokens have all expired; answers how many. */
export async function removeOldRevocations(db: Database, now: Date, limit: number): Promise<number> {
  const old = db
    .selectFrom('revocations')
    .select('session_id')
    .where('expires_at', '<=', new Date(+now - REVOCATION_TOLERANCE_MS))
    .limit(limit)
  const query = db.deleteFrom('revocations').where('session_id', 'in', old)
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}

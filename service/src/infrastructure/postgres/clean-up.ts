import { sql } from 'kysely'
import type { Database } from './database.ts'

/** Ended sessions stay for so long, to tell a late client why, and to show in an export. */
const ENDED_SESSION_RETENTION_MS = 30 * 24 * 3600 * 1000

/** Removes up to `limit` sessions that ended long ago; answers how many. */
export async function removeEndedSessions(db: Database, now: Date, limit: number): Promise<number> {
  const old = db
    .selectFrom('sessions')
    .select(['user_id', 'id'])
    .where('ended_at', '<=', new Date(+now - ENDED_SESSION_RETENTION_MS))
    .orderBy('ended_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const query = db
    .with('old', () => old)
    .deleteFrom('sessions')
    .using('old')
    .whereRef('sessions.user_id', '=', 'old.user_id')
    .whereRef('sessions.id', '=', 'old.id')
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}

/**
 * Removes up to `limit` revocations of sessions whose tokens have all expired; answers how many. They go in the order of
 * the log, from its front, so that what is left has no gaps; so two that clean up at once wait for each other here.
 */
export async function removeOldRevocations(db: Database, now: Date, limit: number): Promise<number> {
  const query = sql`
    with first_kept as (
      select coalesce(
        (select seq from revocations where expires_at > ${now} and seq is not null order by seq limit 1),
        (select last_seq + 1 from revocation_log)
      ) as seq
    ), old as (
      select id from revocations
      where seq < (select seq from first_kept)
      order by seq limit ${limit} for update
    )
    delete from revocations using old where revocations.id = old.id`
  return Number((await query.execute(db)).numAffectedRows ?? 0)
}

/** Lets others have the names of deleted people whose time is up; answers how many hashes went, up to `limit`. */
export async function removeReleasedNames(db: Database, now: Date, limit: number): Promise<number> {
  const free = db
    .selectFrom('released_names')
    .select('hash')
    .where('free_at', '<=', now)
    .orderBy('free_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const query = db
    .with('free', () => free)
    .deleteFrom('released_names')
    .using('free')
    .whereRef('released_names.hash', '=', 'free.hash')
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}

/** Removes up to `limit` tickets nobody can redeem any more; answers how many. */
export async function removeOldTickets(db: Database, now: Date, limit: number): Promise<number> {
  const old = db
    .selectFrom('tickets')
    .select('hash')
    .where('expires_at', '<=', now)
    .orderBy('expires_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const query = db
    .with('old', () => old)
    .deleteFrom('tickets')
    .using('old')
    .whereRef('tickets.hash', '=', 'old.hash')
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}

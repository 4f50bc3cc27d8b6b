import { sql } from 'kysely'
import { EMAIL_UNDO_SECONDS } from '../../domain/email-change.ts'
import type { Database } from './database.ts'
import { affectedRows, onlyRow } from './affected-rows.ts'

// Except for revocations, rows that another transaction holds are left for the next run.

/** Ended sessions are kept this long, so that a late client learns why its session ended and an export shows it. */
const ENDED_SESSION_RETENTION_MS = 30 * 24 * 3600 * 1000

/** Removes up to `limit` sessions that ended long ago. Returns how many. */
export async function removeEndedSessions(db: Database, now: Date, limit: number): Promise<number> {
  const query = sql`
    with old as (
      select user_id, id from sessions where ended_at <= ${new Date(+now - ENDED_SESSION_RETENTION_MS)}
      order by ended_at limit ${limit} for update skip locked
    )
    delete from sessions using old where sessions.user_id = old.user_id and sessions.id = old.id`
  return affectedRows(await query.execute(db))
}

/**
 * Removes up to `limit` revocations of sessions whose tokens have all expired. Returns how many. They are removed from the
 * front of the log, in its order, so that the rest has no gaps. So two instances that clean up at the same time wait for
 * each other here.
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
  return affectedRows(await query.execute(db))
}

/** Frees the names of deleted and renamed users whose time is up. Returns how many hashes were removed, up to `limit`. */
export async function removeReleasedNames(db: Database, now: Date, limit: number): Promise<number> {
  const query = sql`
    with free as (
      select hash from released_names where free_at <= ${now}
      order by free_at limit ${limit} for update skip locked
    )
    delete from released_names using free where released_names.hash = free.hash`
  return affectedRows(await query.execute(db))
}

/** Expired invitations are listed this long, so that operators see how often they were used. */
const EXPIRED_INVITATION_RETENTION_MS = 30 * 24 * 3600 * 1000

/** Removes up to `limit` invitations that expired long ago. Returns how many. */
export async function removeOldInvitations(db: Database, now: Date, limit: number): Promise<number> {
  const query = sql`
    with old as (
      select id from invitations where expires_at <= ${new Date(+now - EXPIRED_INVITATION_RETENTION_MS)}
      order by expires_at limit ${limit} for update skip locked
    )
    delete from invitations using old where invitations.id = old.id`
  return affectedRows(await query.execute(db))
}

/** Removes up to `limit` expired tickets. Returns how many. */
export async function removeOldTickets(db: Database, now: Date, limit: number): Promise<number> {
  const query = sql`
    with old as (
      select hash from tickets where expires_at <= ${now}
      order by expires_at limit ${limit} for update skip locked
    )
    delete from tickets using old where tickets.hash = old.hash`
  return affectedRows(await query.execute(db))
}

/** A run of the clean-up removes an hour of the audit log at most. So a clock that is ahead costs little of it. */
const LONGEST_REMOVED_MS = 3600 * 1000

/** Removes up to `limit` entries of the audit log that are older than the retention. Returns how many. */
export async function removeOldAudit(
  db: Database,
  { now, retentionSeconds, limit }: { now: Date; retentionSeconds: number; limit: number },
): Promise<number> {
  const query = sql`
    with old as (
      select at, id from audit_log
      where at <= least(
        ${new Date(+now - retentionSeconds * 1000)}::timestamptz,
        (select min(at) from audit_log) + ${LONGEST_REMOVED_MS / 1000} * interval '1 second'
      )
      order by at, id limit ${limit} for update skip locked
    )
    delete from audit_log using old where audit_log.at = old.at and audit_log.id = old.id`
  return affectedRows(await query.execute(db))
}

/** Since when the oldest row of each kind could have been removed or marked. Each is the first entry of an index. */
export async function readOldestDue(
  db: Database,
  auditRetentionSeconds: number,
): Promise<Record<string, Date | null>> {
  const { rows } = await sql<Record<string, Date | null>>`
    select
      (select min(check_after) from sessions where ended_at is null) as expired_sessions,
      (select min(ended_at) from sessions where ended_at is not null)
        + ${ENDED_SESSION_RETENTION_MS / 1_000} * interval '1 second' as ended_sessions,
      (select expires_at from revocations where seq is not null order by seq limit 1) as revocations,
      (select min(expires_at) from tickets) as tickets,
      (select min(free_at) from released_names) as released_names,
      (select min(changed_at) from email_changes) + ${EMAIL_UNDO_SECONDS} * interval '1 second' as email_changes,
      (select min(at) from audit_log) + ${auditRetentionSeconds} * interval '1 second' as audit_log,
      (select min(forget_at) from attempts) as attempts,
      (select min(expires_at) from spent_proofs) as spent_proofs`.execute(db)
  return onlyRow(rows)
}

import { sql } from 'kysely'
import { SYSTEM } from '../../domain/actor.ts'
import { LISTENER } from './application-name.ts'
import { onlyRow } from './affected-rows.ts'
import type { Database } from './database.ts'
import { recordChanges } from './record-changes.ts'

/** The instances that serve on this database: each listens for revocations on a connection of its own. */
export async function countServingInstances(db: Database): Promise<number> {
  const query = sql<{ count: number }>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and starts_with(application_name, ${LISTENER})`
  return onlyRow((await query.execute(db)).rows).count
}

/** Other services know the ids of users whom the backup does not have. New users must not get these ids. */
const SKIPPED_USER_IDS = 1_000_000

/** Links for new passwords name versions. Used ones, and ones that went to a lost address, must not be good again. */
const SKIPPED_PASSWORD_VERSIONS = 100_000

/**
 * Gives the revocation log a new identity, so that verifiers read it anew and keep what they know, and skips ids of lost
 * users and versions of passwords. The audit log says when, and what becomes of the sessions. To repeat it does no harm.
 */
export async function prepareRestored(db: Database, sessions: 'end' | 'keep', now: Date): Promise<void> {
  const data = sql`jsonb_build_object('sessions', ${sessions}::text)`
  await sql`
    with changed as (update revocation_log set log = default returning log)
    ${recordChanges(SYSTEM, 'database.restored', now, data)}`.execute(db)
  await sql`
    select setval(sequence, nextval(sequence) + ${SKIPPED_USER_IDS})
    from (select pg_get_serial_sequence('users', 'id')::regclass as sequence) as users`.execute(db)
  await sql`update users set password_version = password_version + ${SKIPPED_PASSWORD_VERSIONS}`.execute(db)
}

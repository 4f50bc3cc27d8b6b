import { sql } from 'kysely'
import type { LoggedRevocation, LogPage, RevocationLog } from '../../application/ports/revocation-log.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { onlyRow } from './affected-rows.ts'

/** The channel on which instances are notified that revocations were numbered. */
export const REVOCATIONS_CHANNEL = 'chat_auth_revocations'

const PAGE = 5_000
/** Few enough for a tenth of the limits below on a slow server. */
const NUMBERED_TOGETHER = 1_000

/**
 * Numbers a batch as one transaction in one message, so that a client that hangs holds no lock. The limits count from the
 * next statement on, and need no setting of the connection, which a pooler could lose.
 *
 * The row of `revocation_log` stays locked until the commit, so numbers become visible in their order. The statement after
 * the lock has a snapshot of its own: it sees what the previous holder has numbered. That needs `read committed`.
 *
 * The commit waits for no standby. A number that a promoted standby does not have is a log that was set back.
 *
 * Without `set local` a plan that fits old statistics reads the whole table, for example after a burst or a restore.
 */
const NUMBER_BATCH = sql.raw<{ numbered: number }>(`
  set transaction isolation level read committed;
  set local lock_timeout = 1000;
  set local statement_timeout = 1000;
  set local synchronous_commit = local;
  set local enable_seqscan = off;
  set local enable_bitmapscan = off;
  set local jit = off;
  select from revocation_log for update;
  with batch as (
    select ctid as place, row_number() over (order by id) as number
    from (
      select ctid, id from revocations where seq is null order by id limit ${NUMBERED_TOGETHER}
    ) as waiting
  ), numbered as (
    update revocations set seq = last_seq + number, mark = (select 1 + random() * 9e15)::bigint
    from batch, revocation_log where revocations.ctid = batch.place
    returning seq
  ), counted as (
    select count(*) as numbered from numbered
  )
  update revocation_log set last_seq = last_seq + numbered from counted where numbered > 0
  returning numbered, pg_notify('${REVOCATIONS_CHANNEL}', '')`)

interface Row {
  readonly seq: number
  readonly mark: number
  readonly sid: string
  readonly user_id: number
  readonly reason: Revocation['reason']
  readonly up_to_generation: number | null
  readonly expires_at: string
}

export class PostgresRevocationLog implements RevocationLog {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async number(): Promise<boolean> {
    // Ordered, so that the index of these rows is used whatever the statistics say.
    const waiting = sql`select from revocations where seq is null order by id limit 1`
    if ((await waiting.execute(this.#db)).rows.length === 0) return false
    const { rows } = await NUMBER_BATCH.execute(this.#db)
    return rows[0]?.numbered === NUMBERED_TOGETHER
  }

  async readAfter(seq: number): Promise<LogPage> {
    // Rows are removed from the front only, so the first one left tells from where the log is complete.
    const { rows } = await sql<{
      log: string
      mark: number | null
      last_seq: number
      covered_from: number
      rows: Row[]
    }>`
      select log || '.' || revocation_log_timeline() as log,
        (select mark from revocations where seq = ${seq}) as mark,
        last_seq,
        coalesce((select min(seq) - 1 from revocations), last_seq) as covered_from,
        coalesce((
          select json_agg(page order by page.seq) from (
            select seq, mark, session_id as sid, user_id, reason, up_to_generation, expires_at from revocations
            where seq > ${seq} order by seq limit ${PAGE}
          ) as page
        ), '[]'::json) as rows
      from revocation_log`.execute(this.#db)
    const { log, mark, last_seq, covered_from, rows: found } = onlyRow(rows)
    return {
      log,
      mark: mark ?? undefined,
      lastSeq: last_seq,
      coveredFrom: covered_from,
      rows: found.map(toLoggedRevocation),
    }
  }

  async renew(log: string): Promise<void> {
    const [made] = log.split('.')
    await sql`update revocation_log set log = default where log = ${made}`.execute(this.#db)
  }
}

const toLoggedRevocation = (row: Row): LoggedRevocation => ({
  seq: row.seq,
  mark: row.mark,
  sessionId: row.sid as SessionId,
  userId: row.user_id as UserId,
  reason: row.reason,
  upToGeneration: row.up_to_generation ?? undefined,
  expiresAt: new Date(row.expires_at),
})

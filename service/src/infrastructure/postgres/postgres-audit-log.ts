import { sql, type Selectable } from 'kysely'
import type { AuditEntry, AuditLog, AuditQuery, RecordedEntry } from '../../application/ports/audit-log.ts'
import { userOf } from '../../domain/actor.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export class PostgresAuditLog implements AuditLog {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async page(wanted: AuditQuery): Promise<readonly RecordedEntry[]> {
    const { subject, actor, action, ip, since, until, before, limit } = wanted
    let query = this.#db.selectFrom('audit_log').selectAll()
    if (subject !== undefined) query = query.where('subject', '=', subject)
    if (actor !== undefined) query = query.where('actor', '=', actor)
    if (action !== undefined) query = query.where('action', '=', action)
    // Equality reads the index in the order of the page; a network has to be sorted.
    if (ip !== undefined)
      query = query.where('ip', ip.includes('/') ? sql`<<=` : '=', sql<string>`${ip}::inet`)
    if (since !== undefined) query = query.where('at', '>=', since)
    if (until !== undefined) query = query.where('at', '<', until)
    if (before !== undefined) query = query.where(sql<boolean>`(at, id) < (${before.at}, ${before.id})`)
    const rows = await query.orderBy('at', 'desc').orderBy('id', 'desc').limit(limit).execute()
    return rows.map(toEntry)
  }

  async add(entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length === 0) return
    const rows = entries.map(toRow)
    const users = rows.flatMap(({ subject, acting }) => [subject, acting]).filter((id) => id !== undefined)
    // The lock waits for a deletion in progress. Otherwise an entry could name the address of a user who is gone.
    await sql`
      with existing as (
        select id from users where id = any(${users}) and deleted_at is null order by id for share
      ), entries as (
        select entry.*, subject is null or subject in (select id from existing) as is_kept,
          acting is null or acting in (select id from existing) as is_actor_kept
        from jsonb_to_recordset(${JSON.stringify(rows)}) as entry (
          at timestamptz, actor text, acting bigint, action text, subject bigint, session uuid, ip inet,
          user_agent text, request_id text, result text, data jsonb
        )
      )
      insert into audit_log (at, actor, action, subject, session, ip, user_agent, request_id, result, data)
      select at, actor, action, subject, session, case when is_kept and is_actor_kept then ip end,
        case when is_kept and is_actor_kept then user_agent end, request_id, result, case when is_kept then data else '{}' end
      from entries`.execute(this.#db)
  }
}

const toRow = ({ userAgent, requestId, ...entry }: AuditEntry) => ({
  ...entry,
  /** The user who acted. */
  acting: entry.actor === undefined ? undefined : userOf(entry.actor),
  user_agent: userAgent,
  request_id: requestId,
})

const toEntry = (row: Selectable<Schema['audit_log']>): RecordedEntry =>
  ({
    id: row.id,
    at: row.at,
    actor: row.actor ?? undefined,
    action: row.action,
    subject: row.subject ?? undefined,
    session: row.session ?? undefined,
    ip: row.ip ?? undefined,
    userAgent: row.user_agent ?? undefined,
    requestId: row.request_id ?? undefined,
    result: row.result,
    data: row.data,
  }) as unknown as RecordedEntry

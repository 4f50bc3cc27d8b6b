import { sql } from 'kysely'
import type { LogPage, RevocationLog } from '../../application/ports/revocation-log.ts'
import type { Revocation } from '../../domain/revocation.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

/** Where instances are told that revocations were numbered. */
export const REVOCATIONS_CHANNEL = 'chat_auth_revocations'

const PAGE = 5_000

interface Row {
  readonly seq: number
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

  async number(): Promise<void> {
    const { rows } = await sql`select from revocations where seq is null limit 1`.execute(this.#db)
    if (rows.length === 0) return
    await this.#db.transaction().execute(async (trx) => {
      // Held until the commit, so that numbers become visible in their order. The next statement sees what was numbered
      // by whoever held it before, since each has a snapshot of its own.
      const { last_seq } = await trx
        .selectFrom('revocation_log')
        .select('last_seq')
        .forUpdate()
        .executeTakeFirstOrThrow()
      const { numAffectedRows } = await sql`
        update revocations set seq = numbered.seq
        from (
          select id, ${last_seq}::bigint + row_number() over (order by id) as seq
          from revocations where seq is null
        ) as numbered
        where revocations.id = numbered.id`.execute(trx)
      if (numAffectedRows === undefined || numAffectedRows === 0n) return
      await trx
        .updateTable('revocation_log')
        .set({ last_seq: last_seq + Number(numAffectedRows) })
        .execute()
      await sql`select pg_notify(${REVOCATIONS_CHANNEL}, '')`.execute(trx)
    })
  }

  async readAfter(seq: number): Promise<LogPage> {
    // Rows are removed from the front only, so the first one left says what is covered.
    const { rows } = await sql<{ last_seq: number; covered_from: number; rows: Row[] }>`
      select last_seq,
        coalesce((select min(seq) - 1 from revocations), last_seq) as covered_from,
        coalesce((
          select json_agg(page order by page.seq) from (
            select seq, session_id as sid, user_id, reason, up_to_generation, expires_at from revocations
            where seq > ${seq} order by seq limit ${PAGE}
          ) as page
        ), '[]'::json) as rows
      from revocation_log`.execute(this.#db)
    const [found] = rows
    if (found === undefined) throw new Error('the table revocation_log has lost its row')
    return {
      lastSeq: found.last_seq,
      coveredFrom: found.covered_from,
      rows: found.rows.map(({ seq, sid, user_id, reason, up_to_generation, expires_at }) => ({
        seq,
        sessionId: sid as SessionId,
        userId: user_id as UserId,
        reason,
        upToGeneration: up_to_generation ?? undefined,
        expiresAt: new Date(expires_at),
      })),
    }
  }
}

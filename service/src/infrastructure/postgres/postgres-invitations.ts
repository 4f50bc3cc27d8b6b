import { createHash, randomBytes } from 'node:crypto'
import { sql, type Selectable } from 'kysely'
import type { Invitations, InvitationsInTransaction } from '../../application/ports/invitations.ts'
import { SYSTEM, type Actor, type Author } from '../../domain/actor.ts'
import type { Invitation, NewInvitation } from '../../domain/invitation.ts'
import { affectedRows, onlyRow } from './affected-rows.ts'
import type { Database } from './database.ts'
import { recordChanges } from './record-changes.ts'
import type { InvitationRow } from './schema.ts'

const TOKEN_BYTES = 32

export class PostgresInvitations implements Invitations, InvitationsInTransaction {
  readonly #db: Database
  readonly #author: Author

  /** `author` makes the changes. */
  constructor(db: Database, author: Author = SYSTEM) {
    this.#db = db
    this.#author = author
  }

  async isValid(token: string, now: Date): Promise<boolean> {
    const { rows } = await sql`
      select from invitations where hash = ${hashOf(token)} and uses_left > 0 and expires_at > ${now}`.execute(
      this.#db,
    )
    return rows.length > 0
  }

  async list(before: number | undefined, limit: number): Promise<readonly Invitation[]> {
    const rows = await this.#db
      .selectFrom('invitations')
      .selectAll()
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? 0))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map(toInvitation)
  }

  async add({ uses, note, createdAt, expiresAt }: NewInvitation) {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const result = await sql<Selectable<InvitationRow>>`
      with changed as (
        insert into invitations (hash, uses, uses_left, note, created_at, created_by, expires_at)
        values (${hashOf(token)}, ${uses}, ${uses}, ${note ?? null}, ${createdAt}, ${this.#author}, ${expiresAt})
        returning *
      ), recorded as (${this.#record('invitation.created', createdAt)})
      select * from changed`.execute(this.#db)
    return { token, invitation: toInvitation(onlyRow(result.rows)) }
  }

  async spend(token: string, now: Date): Promise<number | undefined> {
    const { rows } = await sql<{ id: number }>`
      update invitations set uses_left = uses_left - 1
      where hash = ${hashOf(token)} and uses_left > 0 and expires_at > ${now}
      returning id`.execute(this.#db)
    return rows[0]?.id
  }

  async revoke(id: number, now: Date): Promise<boolean> {
    const query = sql`
      with changed as (delete from invitations where id = ${id} returning *)
      ${this.#record('invitation.revoked', now)}`
    return affectedRows(await query.execute(this.#db)) === 1
  }

  #record(action: 'invitation.created' | 'invitation.revoked', at: Date) {
    return recordChanges(
      this.#author,
      action,
      at,
      sql`jsonb_build_object('invitation_id', id, 'uses', uses, 'uses_left', uses_left, 'expires_at', expires_at)`,
    )
  }
}

const toInvitation = (row: Selectable<InvitationRow>): Invitation => ({
  id: row.id,
  uses: row.uses,
  usesLeft: row.uses_left,
  note: row.note ?? undefined,
  createdAt: row.created_at,
  createdBy: row.created_by as Actor,
  expiresAt: row.expires_at,
})

/** Tokens are random, so a plain hash is enough: an attacker cannot guess a token from it. */
const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

import { createHash, randomBytes } from 'node:crypto'
import type { Tickets } from '../../application/ports/tickets.ts'
import type { SessionId } from '../../domain/session.ts'
import type { Ticket } from '../../domain/ticket.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

const NAME_BYTES = 32

export class PostgresTickets implements Tickets {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(ticket: Ticket): Promise<string> {
    const name = randomBytes(NAME_BYTES).toString('base64url')
    const row = {
      hash: hashOf(name),
      user_id: ticket.userId,
      session_id: ticket.sessionId,
      generation: ticket.generation,
      origin: ticket.origin ?? null,
      issued_at: ticket.issuedAt,
      token_expires_at: ticket.tokenExpiresAt,
      expires_at: ticket.expiresAt,
    }
    await this.#db.insertInto('tickets').values(row).execute()
    return name
  }

  async take(name: string): Promise<Ticket | undefined> {
    const row = await this.#db
      .deleteFrom('tickets')
      .where('hash', '=', hashOf(name))
      .returningAll()
      .executeTakeFirst()
    return (
      row && {
        userId: row.user_id as UserId,
        sessionId: row.session_id as SessionId,
        generation: row.generation,
        origin: row.origin ?? undefined,
        issuedAt: row.issued_at,
        tokenExpiresAt: row.token_expires_at,
        expiresAt: row.expires_at,
      }
    )
  }
}

/** Names are random, so a plain hash is enough: nobody guesses one from it. */
const hashOf = (name: string): Buffer => createHash('sha256').update(name).digest()

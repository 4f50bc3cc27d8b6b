import { createHash, randomBytes } from 'node:crypto'
import type { Tickets } from '../../application/ports/tickets.ts'
import type { SessionId } from '../../domain/session.ts'
import { TICKETS_PER_SESSION, type Ticket } from '../../domain/ticket.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { NamedStatement } from './named-statement.ts'

const NAME_BYTES = 32

/**
 * Puts the ticket in a free place of its session or in place of the oldest ticket. Returns no row if another call took the
 * place since it was chosen. At random, so that parallel calls rarely choose the same place.
 */
const ADD = new NamedStatement(
  'add_ticket',
  `with chosen as (
     select number as place, hash as former
     from generate_series(1, ${TICKETS_PER_SESSION}) as number
       left join tickets on session_id = $3::uuid and place = number
     order by expires_at nulls first, random() limit 1
   )
   insert into tickets as present
     (hash, user_id, session_id, generation, origin, issued_at, token_expires_at, expires_at, place)
   select $1::bytea, $2::bigint, $3::uuid, $4::int, $5::text, $6::timestamptz, $7::timestamptz, $8::timestamptz, place
   from chosen
   on conflict (session_id, place) do update set
     hash = excluded.hash, user_id = excluded.user_id, generation = excluded.generation, origin = excluded.origin,
     issued_at = excluded.issued_at, token_expires_at = excluded.token_expires_at, expires_at = excluded.expires_at
   where present.hash = (select former from chosen)
   returning place`,
)

export class PostgresTickets implements Tickets {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(ticket: Ticket): Promise<string> {
    const name = randomBytes(NAME_BYTES).toString('base64url')
    const { userId, sessionId, generation, origin, issuedAt, tokenExpiresAt, expiresAt } = ticket
    const values = [
      hashOf(name),
      userId,
      sessionId,
      generation,
      origin ?? null,
      issuedAt,
      tokenExpiresAt,
      expiresAt,
    ]
    // Of parallel calls for the same place one succeeds, and the others choose again.
    while ((await ADD.execute(this.#db, values)).length === 0);
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

/** Names are random, so a plain hash is enough: an attacker cannot guess a name from it. */
const hashOf = (name: string): Buffer => createHash('sha256').update(name).digest()

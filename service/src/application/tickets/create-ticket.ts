import { startTicket } from '../../domain/ticket.ts'
import type { Clock } from '../ports/clock.ts'
import type { Tickets } from '../ports/tickets.ts'
import type { Caller } from '../sessions/authenticate.ts'

export interface CreateTicketDeps {
  readonly tickets: Tickets
  readonly clock: Clock
}

/** Gives the caller a ticket to open a socket with. `origin`: the web page that asks, if it is one. */
export const createTicket =
  ({ tickets, clock }: CreateTicketDeps) =>
  async (
    { session, token }: Caller,
    origin: string | undefined,
  ): Promise<{ ticket: string; expiresInSeconds: number }> => {
    const now = clock.now()
    const ticket = startTicket(
      {
        userId: session.userId,
        sessionId: session.id,
        generation: token.generation,
        issuedAt: token.issuedAt,
        tokenExpiresAt: token.expiresAt,
        origin,
      },
      now,
    )
    const expiresInSeconds = Math.max(0, Math.floor((+ticket.expiresAt - +now) / 1000))
    return { ticket: await tickets.add(ticket), expiresInSeconds }
  }

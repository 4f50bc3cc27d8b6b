import { startTicket } from '../../domain/ticket.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Tickets } from '../ports/tickets.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import { ticketsOf } from '../request-limits.ts'
import type { Caller } from '../sessions/caller.ts'

export interface CreateTicketDeps {
  readonly tickets: Tickets
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export const createTicketErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/**
 * Issues a ticket with which the caller opens a socket. `origin` is that of the web page, if a page requests it. Throws
 * `too_many_attempts`.
 */
export const createTicket =
  ({ tickets, requestLimits, clock }: CreateTicketDeps) =>
  async (
    { session, token }: Caller,
    origin: string | undefined,
  ): Promise<{ ticket: string; expiresInSeconds: number }> => {
    const now = clock.now()
    requestLimits.count(ticketsOf(session.id), now)
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

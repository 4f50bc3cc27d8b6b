import { isLive, isWithdrawn } from '../../domain/session.ts'
import { fitsOrigin, hasExpired } from '../../domain/ticket.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Tickets } from '../ports/tickets.ts'
import type { Caller } from '../sessions/caller.ts'

export interface RedeemTicketDeps {
  readonly tickets: Tickets
  readonly sessions: Sessions
  readonly clock: Clock
}

export const redeemTicketErrors = ['ticket_gone', 'origin_mismatch'] as const satisfies readonly ErrorCode[]

/**
 * Returns the holder of a ticket. The ticket is spent in any case. Throws `ticket_gone` if it is used, expired or
 * unknown, its session has ended or its token was withdrawn, and `origin_mismatch` if it was issued to another page.
 */
export const redeemTicket =
  ({ tickets, sessions, clock }: RedeemTicketDeps) =>
  async (name: string, origin: string | undefined): Promise<Caller> => {
    const ticket = await tickets.take(name)
    const now = clock.now()
    if (ticket === undefined || hasExpired(ticket, now)) throw new ApplicationError('ticket_gone')
    if (!fitsOrigin(ticket, origin)) throw new ApplicationError('origin_mismatch')
    // Read after the ticket was taken, so that an end that was confirmed before is seen here.
    const found = await sessions.find(ticket.userId, ticket.sessionId)
    if (found === undefined || !isLive(found.session, now)) throw new ApplicationError('ticket_gone')
    const { generation, issuedAt, tokenExpiresAt: expiresAt } = ticket
    if (isWithdrawn(found.session, generation)) throw new ApplicationError('ticket_gone')
    return { ...found, token: { generation, issuedAt, expiresAt } }
  }

import { isLive } from '../../domain/session.ts'
import { fitsOrigin, hasExpired } from '../../domain/ticket.ts'
import { ApplicationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Tickets } from '../ports/tickets.ts'
import type { Caller } from '../sessions/authenticate.ts'

export interface RedeemTicketDeps {
  readonly tickets: Tickets
  readonly sessions: Sessions
  readonly clock: Clock
}

/**
 * Tells who holds a ticket; it is spent whatever the answer. Throws `ticket_gone` for one that is used, expired or unknown
 * or whose session has ended, `origin_mismatch` when it was given to another page.
 */
export const redeemTicket =
  ({ tickets, sessions, clock }: RedeemTicketDeps) =>
  async (name: string, origin: string | undefined): Promise<Caller> => {
    const ticket = await tickets.take(name)
    const now = clock.now()
    if (ticket === undefined || hasExpired(ticket, now)) throw new ApplicationError('ticket_gone')
    if (!fitsOrigin(ticket, origin)) throw new ApplicationError('origin_mismatch')
    // After the ticket was taken: an end that was answered before is seen here.
    const found = await sessions.find(ticket.userId, ticket.sessionId)
    if (found === undefined || !isLive(found.session, now)) throw new ApplicationError('ticket_gone')
    const { generation, issuedAt, tokenExpiresAt: expiresAt } = ticket
    return { ...found, token: { generation, issuedAt, expiresAt } }
  }

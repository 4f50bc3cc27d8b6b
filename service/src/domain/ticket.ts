import { CLOCKS_APART_SECONDS, earlier, secondsAfter, type SessionId } from './session.ts'
import type { UserId } from './user.ts'

/** Long enough to open a socket, even on a bad connection. */
const TICKET_LIFETIME_SECONDS = 30

/** Enough for the pages and sockets that a device opens at the same time. */
export const TICKETS_PER_SESSION = 10

/**
 * Replaces an access token where it cannot be sent. Valid once, for seconds, and only for the page that requested it.
 */
export interface Ticket {
  readonly userId: UserId
  readonly sessionId: SessionId
  /** The generation and times of its access token. A socket that it opens does not outlive that token. */
  readonly generation: number
  readonly issuedAt: Date
  readonly tokenExpiresAt: Date
  /** The web page it is bound to (RFC 6454); undefined for a client that is not a web page. */
  readonly origin: string | undefined
  /** Never later than `tokenExpiresAt`. */
  readonly expiresAt: Date
}

type Bearer = Pick<Ticket, 'userId' | 'sessionId' | 'generation' | 'issuedAt' | 'tokenExpiresAt' | 'origin'>

export const startTicket = (bearer: Bearer, now: Date): Ticket => ({
  ...bearer,
  expiresAt: earlier(secondsAfter(now, TICKET_LIFETIME_SECONDS), bearer.tokenExpiresAt),
})

/** A ticket that would live longer than any was issued by a clock that was ahead. It has expired as well. */
export const hasExpired = ({ expiresAt }: Ticket, now: Date): boolean =>
  expiresAt <= now || expiresAt > secondsAfter(now, TICKET_LIFETIME_SECONDS + CLOCKS_APART_SECONDS)

/** A ticket that is bound to a page works for that page alone; an unbound ticket works for any client. */
export const fitsOrigin = (ticket: Ticket, origin: string | undefined): boolean =>
  ticket.origin === undefined || ticket.origin === origin

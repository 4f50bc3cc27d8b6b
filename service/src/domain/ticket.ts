import { earlier, secondsAfter, type SessionId } from './session.ts'
import type { UserId } from './user.ts'

/** Long enough to open a socket with, on a bad connection too. */
const TICKET_LIFETIME_SECONDS = 30

/** Stands for an access token where that cannot be sent: once, for a moment, and only from the page it was given to. */
export interface Ticket {
  readonly userId: UserId
  readonly sessionId: SessionId
  /** Those of the access token it was given for; what it opens lives no longer than that. */
  readonly generation: number
  readonly issuedAt: Date
  readonly tokenExpiresAt: Date
  /** The web page it is bound to (RFC 6454); undefined for clients that are none. */
  readonly origin: string | undefined
  /** Never later than `tokenExpiresAt`. */
  readonly expiresAt: Date
}

type Bearer = Pick<Ticket, 'userId' | 'sessionId' | 'generation' | 'issuedAt' | 'tokenExpiresAt' | 'origin'>

export const startTicket = (bearer: Bearer, now: Date): Ticket => ({
  ...bearer,
  expiresAt: earlier(secondsAfter(now, TICKET_LIFETIME_SECONDS), bearer.tokenExpiresAt),
})

export const hasExpired = (ticket: Ticket, now: Date): boolean => ticket.expiresAt <= now

/** A ticket that is bound to a page works for that page alone; one that is not works for everybody. */
export const fitsOrigin = (ticket: Ticket, origin: string | undefined): boolean =>
  ticket.origin === undefined || ticket.origin === origin

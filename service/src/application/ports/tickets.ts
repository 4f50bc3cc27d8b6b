import type { Ticket } from '../../domain/ticket.ts'

/** Stores tickets until they are redeemed, at any instance. */
export interface Tickets {
  /**
   * Keeps the ticket and returns its secret name. The name itself is not stored. A session has at most
   * `TICKETS_PER_SESSION` tickets: one more replaces the oldest. Parallel calls, at any instance, keep to this, and may
   * replace each other's.
   */
  add(ticket: Ticket): Promise<string>

  /**
   * Removes the ticket of that name and returns it. Of parallel calls, at any instance, exactly one gets the ticket.
   * The others get undefined.
   */
  take(name: string): Promise<Ticket | undefined>
}

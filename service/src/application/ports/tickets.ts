import type { Ticket } from '../../domain/ticket.ts'

/** Where tickets wait to be redeemed, on whichever instance. */
export interface Tickets {
  /** Keeps the ticket and answers its secret name, of which nothing is kept that could be used. */
  add(ticket: Ticket): Promise<string>

  /** The ticket of that name, which is gone from then on: of parallel calls on any instances one gets it. */
  take(name: string): Promise<Ticket | undefined>
}

import type { Tickets } from '../../src/application/ports/tickets.ts'
import { TICKETS_PER_SESSION, type Ticket } from '../../src/domain/ticket.ts'

/** Tickets in memory, named `ticket 1`, `ticket 2` … */
export class FakeTickets implements Tickets {
  readonly #tickets = new Map<string, Ticket>()
  #count = 0

  add(ticket: Ticket): Promise<string> {
    const others = [...this.#tickets].filter(([, { sessionId }]) => sessionId === ticket.sessionId)
    const [oldest] = others.sort(([, one], [, other]) => +one.expiresAt - +other.expiresAt)
    if (oldest !== undefined && others.length === TICKETS_PER_SESSION) this.#tickets.delete(oldest[0])
    const name = `ticket ${(this.#count += 1)}`
    this.#tickets.set(name, ticket)
    return Promise.resolve(name)
  }

  take(name: string): Promise<Ticket | undefined> {
    const ticket = this.#tickets.get(name)
    this.#tickets.delete(name)
    return Promise.resolve(ticket)
  }
}

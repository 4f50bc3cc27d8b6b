import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTicket, type Ticket } from '../../src/domain/ticket.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at, sessionId } from '../support/builders.ts'
import type { OpenStore, Store } from './store.ts'

/** What every Tickets does. */
export const ticketsContract = (name: string, open: OpenStore): void => {
  describe(`${name} keeps the Tickets contract`, () => {
    let store: Store

    beforeAll(async () => {
      store = await open()
    })
    beforeEach(() => store.clear())
    afterAll(() => store.close())

    const aTicket = (number: number, origin?: string): Ticket => ({
      ...startTicket(
        {
          ...{ userId: number as UserId, sessionId: sessionId(number), generation: 2 ** 31 - number, origin },
          ...{ issuedAt: at(-60.001), tokenExpiresAt: at(539.999) },
        },
        at(0.123),
      ),
    })

    test.each([undefined, '', 'null', 'https://chat.example.org', `https://${'x'.repeat(16_000)}.example`])(
      'a ticket comes back as it was added, for the origin %#',
      async (origin) => {
        const ticket = aTicket(1, origin)
        expect(await store.tickets.take(await store.tickets.add(ticket))).toEqual(ticket)
      },
    )

    test('a ticket comes back by its own name, once, and takes no other with it', async () => {
      const tickets = [aTicket(1), aTicket(2), aTicket(1)]
      const names: string[] = []
      for (const ticket of tickets) names.push(await store.tickets.add(ticket))
      expect(new Set(names).size).toBe(3)
      for (const at of [1, 0, 2]) {
        expect(await store.tickets.take(names[at] ?? '')).toEqual(tickets[at])
        expect(await store.tickets.take(names[at] ?? '')).toBeUndefined()
      }
    })

    test('there is none of another name', async () => {
      const name = await store.tickets.add(aTicket(1))
      const others = ['', ' ', 'x', '\0', '%', '\ud800', ` ${name}`, `${name} `, `${name}=`, `${name}\0`]
      others.push(name.slice(1), name.slice(0, -1), name.toUpperCase(), name + name, 'x'.repeat(100_000))
      for (const other of others) expect(await store.tickets.take(other)).toBeUndefined()
      expect(await store.tickets.take(name)).toBeDefined()
    })

    test('an expired ticket may be taken: judging it is not the matter of the store', async () => {
      const ticket = { ...aTicket(1), expiresAt: at(-999) }
      expect(await store.tickets.take(await store.tickets.add(ticket))).toEqual(ticket)
    })

    test('of 64 that take a ticket at once one gets it, of each of several', async () => {
      const names = await Promise.all([1, 2, 3].map((number) => store.tickets.add(aTicket(number))))
      const tries = Array.from({ length: 64 }, () => names).flat()
      const taken = await Promise.all(tries.map((name) => store.tickets.take(name)))
      const users = taken.filter((ticket) => ticket !== undefined).map(({ userId }) => userId)
      expect(users.sort()).toEqual([1, 2, 3])
    })
  })
}

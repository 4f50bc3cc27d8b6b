import { expect, test } from 'vitest'
import { startTicket, TICKETS_PER_SESSION, type Ticket } from '../../src/domain/ticket.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at, sessionId } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import type { Store } from './store.ts'

export const ticketsContract = describeContract('Tickets', (store: Store) => {
  const aTicket = (number: number, origin?: string): Ticket => ({
    ...startTicket(
      {
        userId: number as UserId,
        sessionId: sessionId(number),
        generation: 2 ** 31 - number,
        origin,
        issuedAt: at(-60.001),
        tokenExpiresAt: at(539.999),
      },
      at(0.123),
    ),
  })

  test.each([undefined, '', 'null', 'https://chat.example.org', `https://${'x'.repeat(16_000)}.example`])(
    'a ticket is returned as it was added, for the origin %#',
    async (origin) => {
      const ticket = aTicket(1, origin)
      expect(await store.tickets.take(await store.tickets.add(ticket))).toEqual(ticket)
    },
  )

  test('a ticket is returned once, under its own name, and the others stay', async () => {
    const tickets = [aTicket(1), aTicket(2), aTicket(1)]
    const names: string[] = []
    for (const ticket of tickets) names.push(await store.tickets.add(ticket))
    expect(new Set(names).size).toBe(3)
    for (const at of [1, 0, 2]) {
      expect(await store.tickets.take(names[at] ?? '')).toEqual(tickets[at])
      expect(await store.tickets.take(names[at] ?? '')).toBeUndefined()
    }
  })

  test('a ticket is not found under another name', async () => {
    const name = await store.tickets.add(aTicket(1))
    const others = ['', ' ', 'x', '\0', '%', '\ud800', ` ${name}`, `${name} `, `${name}=`, `${name}\0`]
    others.push(name.slice(1), name.slice(0, -1), name.toUpperCase(), name + name, 'x'.repeat(100_000))
    for (const other of others) expect(await store.tickets.take(other)).toBeUndefined()
    expect(await store.tickets.take(name)).toBeDefined()
  })

  test('an expired ticket is returned: the store does not check the expiry', async () => {
    const ticket = { ...aTicket(1), expiresAt: at(-999) }
    expect(await store.tickets.take(await store.tickets.add(ticket))).toEqual(ticket)
  })

  test('one ticket more than a session may have replaces its oldest', { tags: ['LIMIT-5'] }, async () => {
    const add = (second: number) => store.tickets.add({ ...aTicket(1), expiresAt: at(second) })
    const other = await store.tickets.add(aTicket(2))
    const names: string[] = []
    for (let second = 1; second <= TICKETS_PER_SESSION + 2; second += 1) names.push(await add(second))
    const taken = await Promise.all(names.map((name) => store.tickets.take(name)))
    expect(taken.slice(0, 2)).toEqual([undefined, undefined])
    expect(taken.slice(2).every((ticket) => ticket !== undefined)).toBe(true)
    expect(await store.tickets.take(other)).toBeDefined()
  })

  test('parallel calls add as many tickets as a session may have, and no more', async () => {
    const add = (count: number) =>
      Promise.all(Array.from({ length: count }, () => store.tickets.add(aTicket(1))))
    const first = await add(TICKETS_PER_SESSION)
    const names = [...first, ...(await add(3 * TICKETS_PER_SESSION))]
    const taken = await Promise.all(names.map((name) => store.tickets.take(name)))
    expect(taken.filter((ticket) => ticket !== undefined)).toHaveLength(TICKETS_PER_SESSION)
  })

  test('of 64 parallel calls for the same ticket exactly one gets it', async () => {
    const names = await Promise.all([1, 2, 3].map((number) => store.tickets.add(aTicket(number))))
    const tries = Array.from({ length: 64 }, () => names).flat()
    const taken = await Promise.all(tries.map((name) => store.tickets.take(name)))
    const users = taken.filter((ticket) => ticket !== undefined).map(({ userId }) => userId)
    expect(users.sort()).toEqual([1, 2, 3])
  })
})

import { beforeEach, describe, expect, test } from 'vitest'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { END_REASONS, type EndReason } from '../../../src/domain/session.ts'
import { outcomes } from '../../contracts/store.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, ttlSeconds, type World } from '../world.ts'

const PAGE = 'https://chat.example.org'
const gone = { code: 'ticket_gone' }

let world: World

const anna = async (replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> => {
  world = aWorld(replace)
  await world.addUser('anna', { roles: ['moderator'] })
}
beforeEach(() => anna())

/** A ticket of a new session. */
const newTicket = async (origin?: string): Promise<string> => {
  const { ticket } = await world.useCases.createTicket(await world.signInAsCaller(), origin)
  return ticket
}
const redeem = (ticket: string, origin?: string) => world.useCases.redeemTicket(ticket, origin)
const endSession = (reason: EndReason) =>
  world.store.transactions.transaction(async (tx) => {
    const session = world.session(1)
    if (session !== undefined)
      await tx.sessions.saveEnded([{ ...session, endedAt: at(0), endReason: reason }])
  })

describe('a ticket', () => {
  test('tells who holds it, on which session, as both are now, and what their access token says', async () => {
    const { accessToken, refreshToken, session } = await world.signIn()
    const { ticket } = await world.useCases.createTicket(
      await world.useCases.authenticate(accessToken),
      undefined,
    )
    world.pass(5)
    await world.useCases.refreshSession({ refreshToken, address: home })
    const caller = await redeem(ticket)
    expect(caller).toEqual({
      user: world.store.world().users.get(session.userId),
      session: world.session(1),
      token: { generation: 0, issuedAt: at(0), expiresAt: at(ttlSeconds) },
    })
    expect(caller.session.generation).toBe(1)
  })

  test('is good for once', async () => {
    const ticket = await newTicket()
    await redeem(ticket)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('is good for one of many at once', async () => {
    const ticket = await newTicket()
    const tries = await outcomes(Array.from({ length: 64 }, () => redeem(ticket)))
    expect(tries).toEqual(['done', ...Array<string>(63).fill('ticket_gone')])
  })

  test('nobody was given is gone', async () => {
    await newTicket()
    for (const name of ['', 'anything', `access 1 ${sessionId(1)} 0`, `refresh 1 ${sessionId(1)} 0`])
      await expect(redeem(name)).rejects.toMatchObject(gone)
  })

  test('is gone after 30 seconds, and not before', async () => {
    const [one, two] = [await newTicket(), await newTicket()]
    world.pass(29.999)
    await redeem(one)
    world.pass(0.001)
    await expect(redeem(two)).rejects.toMatchObject(gone)
  })

  test('is gone with its access token', async () => {
    const caller = await world.signInAsCaller()
    world.pass(ttlSeconds - 10)
    const [one, two] = [
      await world.useCases.createTicket(caller, undefined),
      await world.useCases.createTicket(caller, undefined),
    ]
    world.pass(9)
    await redeem(one.ticket)
    world.pass(1)
    await expect(redeem(two.ticket)).rejects.toMatchObject(gone)
  })
})

describe('a ticket that is bound to a page', () => {
  test('is good for that page', async () => {
    expect(await redeem(await newTicket(PAGE), PAGE)).toMatchObject({ session: { id: sessionId(1) } })
  })

  test.each([undefined, '', 'https://evil.example'])(
    'is refused to %s, and spent by that',
    async (origin) => {
      const ticket = await newTicket(PAGE)
      await expect(redeem(ticket, origin)).rejects.toMatchObject({ code: 'origin_mismatch' })
      await expect(redeem(ticket, PAGE)).rejects.toMatchObject(gone)
    },
  )
})

describe('a ticket of a session that is over', () => {
  test.each(END_REASONS)('is gone: %s', async (reason) => {
    const ticket = await newTicket()
    await endSession(reason)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('is gone when the session ran out unmarked', async () => {
    await anna(() => ({ sessionLimits: { idleSeconds: 20, absoluteSeconds: 20 } }))
    const caller = await world.signInAsCaller()
    // An access token that would outlive its session.
    const lasting = { ...caller, token: { ...caller.token, expiresAt: at(ttlSeconds) } }
    const { ticket } = await world.useCases.createTicket(lasting, undefined)
    world.pass(20)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('is gone when nothing is left of the session', async () => {
    await anna(({ sessions }) => ({ sessions: { ...sessions, find: () => Promise.resolve(undefined) } }))
    const caller = { session: { id: sessionId(1), userId: 1 }, token: { issuedAt: at(0), expiresAt: at(60) } }
    const { ticket } = await world.useCases.createTicket(caller as never, undefined)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('is gone when it ended while the ticket was on its way out of the store', async () => {
    await anna(({ tickets }) => ({
      tickets: {
        add: (ticket) => tickets.add(ticket),
        take: async (name) => {
          const ticket = await tickets.take(name)
          await endSession('user_disabled')
          return ticket
        },
      },
    }))
    const ticket = await newTicket()
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })
})

test('a store that is away is no refusal of the ticket', async () => {
  const ticket = await newTicket()
  world.store.setAway(true)
  await expect(redeem(ticket)).rejects.toMatchObject({ code: 'unavailable' })
})

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
  world.store.transactions.transaction('system', async (tx) => {
    const session = world.session(1)
    if (session !== undefined)
      await tx.sessions.saveEnded([{ ...session, endedAt: at(0), endReason: reason }])
  })

describe('a ticket', () => {
  test('redeeming a ticket returns the current user and session and the claims of the token', async () => {
    const { accessToken, refreshToken, session } = await world.signIn()
    const { ticket } = await world.useCases.createTicket(
      await world.useCases.authenticate(accessToken),
      undefined,
    )
    world.pass(5)
    await world.useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })
    const caller = await redeem(ticket)
    expect(caller).toEqual({
      user: world.store.world().users.get(session.userId),
      session: world.session(1),
      token: { generation: 0, issuedAt: at(0), expiresAt: at(ttlSeconds) },
    })
    expect(caller.session.generation).toBe(1)
  })

  test('a ticket can be redeemed once', async () => {
    const ticket = await newTicket()
    await redeem(ticket)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('one of many parallel attempts redeems a ticket', async () => {
    const ticket = await newTicket()
    const tries = await outcomes(Array.from({ length: 64 }, () => redeem(ticket)))
    expect(tries).toEqual(['done', ...Array<string>(63).fill('ticket_gone')])
  })

  test('a ticket that was never issued is gone', async () => {
    await newTicket()
    for (const name of ['', 'anything', `access 1 ${sessionId(1)} 0`, `refresh 1 ${sessionId(1)} 0`])
      await expect(redeem(name)).rejects.toMatchObject(gone)
  })

  test('a ticket is gone after exactly 30 seconds', async () => {
    const [one, two] = [await newTicket(), await newTicket()]
    world.pass(29.999)
    await redeem(one)
    world.pass(0.001)
    await expect(redeem(two)).rejects.toMatchObject(gone)
  })

  test('a ticket is gone when its access token expires', async () => {
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

describe('a ticket that is bound to an origin', () => {
  test('a ticket bound to an origin can be redeemed from that origin', async () => {
    expect(await redeem(await newTicket(PAGE), PAGE)).toMatchObject({ session: { id: sessionId(1) } })
  })

  test.each([undefined, '', 'https://evil.example'])(
    'a ticket bound to an origin is refused for the origin %s and then spent',
    async (origin) => {
      const ticket = await newTicket(PAGE)
      await expect(redeem(ticket, origin)).rejects.toMatchObject({ code: 'origin_mismatch' })
      await expect(redeem(ticket, PAGE)).rejects.toMatchObject(gone)
    },
  )
})

describe('a ticket of a session that is over', () => {
  test.each(END_REASONS)('a ticket is gone if its session ended as %s', async (reason) => {
    const ticket = await newTicket()
    await endSession(reason)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('a ticket is gone if its session has run out but is not marked as ended', async () => {
    await anna(() => ({ sessionLimits: { idleSeconds: 20, absoluteSeconds: 20 } }))
    const caller = await world.signInAsCaller()
    // An access token that would outlive its session.
    const lasting = { ...caller, token: { ...caller.token, expiresAt: at(ttlSeconds) } }
    const { ticket } = await world.useCases.createTicket(lasting, undefined)
    world.pass(20)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('a ticket is gone if its session no longer exists', async () => {
    await anna(({ sessions }) => ({ sessions: { ...sessions, find: () => Promise.resolve(undefined) } }))
    const caller = { session: { id: sessionId(1), userId: 1 }, token: { issuedAt: at(0), expiresAt: at(60) } }
    const { ticket } = await world.useCases.createTicket(caller as never, undefined)
    await expect(redeem(ticket)).rejects.toMatchObject(gone)
  })

  test('a ticket is gone if its session ends while the ticket is being read', async () => {
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

test('redeeming a ticket while the store is down is unavailable, not a refusal', async () => {
  const ticket = await newTicket()
  world.store.setDown(true)
  await expect(redeem(ticket)).rejects.toMatchObject({ code: 'unavailable' })
})

import { beforeEach, describe, expect, test } from 'vitest'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, ttlSeconds, type World } from '../world.ts'

const PAGE = 'https://chat.example.org'

let world: World

beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
})

describe('a new ticket', () => {
  test('a new ticket holds the claims of its access token and the origin of the request', async () => {
    const { refreshToken } = await world.signIn()
    world.pass(100)
    const { accessToken } = await world.useCases.refreshSession({
      refreshToken,
      address: home,
      userAgent: 'Mozilla/5.0',
    })
    world.pass(7)
    const caller = await world.useCases.authenticate(accessToken)
    const { ticket } = await world.useCases.createTicket(caller, PAGE)
    expect(await world.deps.tickets.take(ticket)).toEqual({
      userId: 1,
      sessionId: sessionId(1),
      generation: 1,
      origin: PAGE,
      issuedAt: at(100),
      tokenExpiresAt: at(100 + ttlSeconds),
      expiresAt: at(137),
    })
  })

  test('a new ticket holds the generation of its token, even if the session was refreshed', async () => {
    const { accessToken, refreshToken } = await world.signIn()
    await world.useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })
    const { ticket } = await world.useCases.createTicket(
      await world.useCases.authenticate(accessToken),
      undefined,
    )
    expect(await world.deps.tickets.take(ticket)).toMatchObject({ generation: 0, origin: undefined })
  })

  test('the reported lifetime of a new ticket is 30 seconds', async () => {
    const { expiresInSeconds } = await world.useCases.createTicket(await world.signInAsCaller(), undefined)
    expect(expiresInSeconds).toBe(30)
  })

  test('the reported lifetime of a new ticket ends with its access token', async () => {
    const caller = await world.signInAsCaller()
    world.pass(ttlSeconds - 9.5)
    expect(await world.useCases.createTicket(caller, undefined)).toMatchObject({ expiresInSeconds: 9 })
    world.pass(10)
    expect(await world.useCases.createTicket(caller, undefined)).toMatchObject({ expiresInSeconds: 0 })
  })

  test('every new ticket is different', async () => {
    const caller = await world.signInAsCaller()
    const [one, two] = [
      await world.useCases.createTicket(caller, PAGE),
      await world.useCases.createTicket(caller, PAGE),
    ]
    expect(one.ticket).not.toBe(two.ticket)
    for (const { ticket } of [one, two]) expect(await world.deps.tickets.take(ticket)).toBeDefined()
  })
})

import { describe, expect, test } from 'vitest'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { Claims, SessionEnd } from '../../src/token-types.ts'
import { until } from '../support/manual-clock.ts'
import { answer } from '../support/stand-in-service.ts'
import { refusalOf, startWorld, type World } from '../support/world.ts'

/** Waits until the verifier has heard of so many sessions with outdated tokens. */
const heard = ({ verifier }: World, count = 1) => until(() => verifier.health().outdatedCount === count)

describe('tokens outdated up to a generation', () => {
  test('outdated tokens are refused, cached or not; newer ones and other sessions are not', async () => {
    const world = await startWorld()
    const { verifier, token, claims, service } = world
    const { sid } = claims()
    const [remembered, unseen, newer, other] = [
      token({ sid, gen: 3 }),
      token({ sid, gen: 0 }),
      token({ sid, gen: 4 }),
      token({ gen: 3 }),
    ]
    await verifier.verify(remembered)
    service.outdate(sid, 3)
    await heard(world)
    for (const one of [remembered, unseen]) {
      const refusal = await verifier.verify(one).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(TokenRefused)
      expect(refusal).toMatchObject({
        code: 'token_outdated',
        message: expect.stringContaining('Refresh') as string,
      })
    }
    for (const one of [newer, other]) expect(await refusalOf(verifier.verify(one))).toBeUndefined()
    expect(verifier.health()).toMatchObject({ refused: { token_outdated: 2 }, revokedCount: 0 })
  })

  test('outdated tokens are known from a snapshot too', async () => {
    const sid = '019a0000-0000-7000-8000-000000000001'
    const { verifier, token } = await startWorld({ prepare: (service) => service.outdate(sid, 3) })
    expect(await refusalOf(verifier.verify(token({ sid, gen: 3 })))).toBe('token_outdated')
    expect(await refusalOf(verifier.verify(token({ sid, gen: 4 })))).toBeUndefined()
  })

  test('outdated tokens do not end the session; a later end takes precedence', async () => {
    const world = await startWorld()
    const { verifier, token, claims, service } = world
    const { sid } = claims()
    const ends: SessionEnd[] = []
    verifier.onSessionEnded((end) => ends.push(end))
    service.outdate(sid, 3)
    await heard(world)
    expect(ends).toEqual([])
    service.revoke(sid)
    await until(() => ends.length === 1)
    service.outdate(sid, 5)
    service.outdate(claims().sid, 1)
    await heard(world, 2)
    for (const gen of [3, 4, 6])
      expect(await refusalOf(verifier.verify(token({ sid, gen })))).toBe('session_ended')
    expect(ends).toHaveLength(1)
  })

  test('outdated tokens are refused with every value of whenStale', async () => {
    for (const whenStale of ['refuse', 'introspect', 'accept'] as const) {
      const world = await startWorld({ whenStale })
      const { verifier, token, claims, service, clock } = world
      const old = token({ sid: claims().sid, gen: 3 })
      const { sid } = await verifier.verify(old)
      service.outdate(sid, 3)
      await heard(world)
      service.isFrozen = true
      clock.pass(6_000)
      expect(await refusalOf(verifier.verify(old))).toBe('token_outdated')
      expect(service.timesHeard('/v1/introspect')).toBe(0)
    }
  })

  test('outdated tokens are removed when they have expired', async () => {
    const world = await startWorld()
    const { service, claims, live } = world
    service.outdate(claims().sid, 3, { forMs: 1_000 })
    await heard(world)
    await live(61)
    await heard(world, 0)
  })

  test('outdated tokens do not produce receipts', async () => {
    const world = await startWorld()
    const { verifier, token, claims, service } = world
    const { sid } = claims()
    service.outdate(sid, 3)
    await heard(world)
    await refusalOf(verifier.verify(token({ sid, gen: 3 })))
    expect(verifier.health().receipts.waiting).toBe(0)
  })
})

describe('a stale verifier that asks about each token', () => {
  test('a stale verifier with introspect returns the roles of the service', async () => {
    const { verifier, token, claims, service, clock } = await startWorld({ whenStale: 'introspect' })
    const given = claims({ roles: ['moderator'] })
    const old = token(given)
    expect((await verifier.verify(old)).roles).toEqual(['moderator'])
    service.claimsByToken.set(old, { ...given, roles: ['artist'] })
    service.isFrozen = true
    clock.pass(6_000)
    const answered = await verifier.verify(old)
    expect(answered).toEqual({ ...given, roles: ['artist'] })
    expect([answered, answered.roles].every((one) => Object.isFrozen(one))).toBe(true)
  })

  test('an introspection response without roles is refused as unavailable', async () => {
    const { verifier, token, claims, service, clock } = await startWorld({ whenStale: 'introspect' })
    const given = claims()
    service.claimsByToken.set(token(given), { ...given, roles: undefined })
    service.isFrozen = true
    clock.pass(6_000)
    expect(await refusalOf(verifier.verify(token(given)))).toBe('unavailable')
  })
})

describe('a ticket of an outdated token', () => {
  const redeem = async (world: World, given: Claims): Promise<Claims> => {
    world.service.tickets.set('t', { claims: given })
    return world.verifier.redeemTicket('t')
  }

  test('a ticket of an outdated token is valid and has the roles after the change', async () => {
    const world = await startWorld()
    const given = world.claims({ gen: 3, roles: ['artist'] })
    world.service.outdate(given.sid, 3)
    await heard(world)
    const claims = await redeem(world, given)
    expect(claims).toEqual(given)
    const closed: number[] = []
    const guard = world.verifier.guardSockets()
    guard.hold({ close: (code) => closed.push(code), once: () => undefined }, claims)
    expect([guard.size, closed]).toEqual([1, []])
    // A repeated event changes nothing. A second change counts, even without a refresh between.
    world.service.send('snapshot', world.service.snapshot())
    await world.live(1)
    expect(closed).toEqual([])
    world.service.outdate(given.sid, 3)
    await until(() => closed.length > 0)
    expect([guard.size, closed]).toEqual([0, [4408]])
  })

  test('a ticket is refused if the roles changed while it was redeemed', async () => {
    const world = await startWorld()
    const { verifier, service, claims } = world
    const given = claims({ gen: 3, roles: ['moderator'] })
    let reply = (): void => undefined
    service.instead.set('/v1/tickets/redeem', (_, response) => (reply = () => answer(response, 200, given)))
    const refusal = refusalOf(verifier.redeemTicket('t'))
    await until(() => service.timesHeard('/v1/tickets/redeem') === 1)
    service.outdate(given.sid, 3)
    await heard(world)
    reply()
    expect(await refusal).toBe('token_outdated')
  })

  test('a change of roles that becomes known after the redemption closes the socket', async () => {
    const world = await startWorld()
    const given = world.claims({ gen: 3 })
    const claims = await redeem(world, given)
    const closed: [number, string][] = []
    const guard = world.verifier.guardSockets()
    guard.hold({ close: (code, reason) => closed.push([code, reason]), once: () => undefined }, claims)
    world.service.outdate(given.sid, 3)
    await until(() => closed.length > 0)
    expect(closed).toEqual([[4408, 'token outdated']])
  })

  test('a socket held with a copy of redeemed claims is closed immediately', async () => {
    const world = await startWorld()
    const given = world.claims({ gen: 3 })
    world.service.outdate(given.sid, 3)
    await heard(world)
    const claims = await redeem(world, given)
    const closed: number[] = []
    world.verifier
      .guardSockets()
      .hold({ close: (code) => closed.push(code), once: () => undefined }, { ...claims })
    expect(closed).toEqual([4408])
  })
})

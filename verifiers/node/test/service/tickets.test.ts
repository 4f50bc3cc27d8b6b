import { describe, expect, test } from 'vitest'
import { answer } from '../support/stand-in-service.ts'
import { until } from '../support/manual-clock.ts'
import { refusalOf, startWorld } from '../support/world.ts'

const REDEEM = '/v1/tickets/redeem'

describe('redeeming a ticket', () => {
  test('a ticket returns its claims, once', async () => {
    const { verifier, service, claims, clock } = await startWorld()
    const { jti, ...given } = claims()
    service.tickets.set('t', { claims: given })
    expect(await verifier.redeemTicket('t')).toEqual(given)
    expect(jti).toBeDefined()
    expect(await refusalOf(verifier.redeemTicket('t'))).toBe('ticket_gone')
    clock.pass(1_000)
    // The service has seen it for itself.
    expect(verifier.health().receipts.waiting).toBe(0)
  })

  test('a ticket is refused for another origin', async () => {
    const { verifier, service, claims } = await startWorld()
    const give = () => service.tickets.set('t', { claims: claims(), origin: 'https://chat.example' })
    give()
    expect(await refusalOf(verifier.redeemTicket('t', 'https://evil.example'))).toBe('origin_mismatch')
    give()
    expect(await refusalOf(verifier.redeemTicket('t'))).toBe('origin_mismatch')
    give()
    expect((await verifier.redeemTicket('t', 'https://chat.example')).user_id).toBe(7)
  })

  test.each(['', 'x'.repeat(1_025), undefined, null, 7, {}, ['t']])(
    'the malformed ticket %j is refused without a request',
    async (ticket) => {
      const { verifier, service } = await startWorld()
      expect(await refusalOf(verifier.redeemTicket(ticket as string))).toBe('ticket_gone')
      expect(service.timesHeard(REDEEM)).toBe(0)
    },
  )

  test.each([
    [410, {}, 'ticket_gone'],
    [422, {}, 'ticket_gone'],
    [400, {}, 'ticket_gone'],
    [403, { code: 'something_else' }, 'unavailable'],
    [401, {}, 'unavailable'],
    [429, {}, 'unavailable'],
    [500, {}, 'unavailable'],
    [302, {}, 'unavailable'],
    [200, [], 'unavailable'],
    [200, {}, 'wrong_issuer'],
  ] as const)('a ticket that gets the response %s %j is refused with %s', async (status, body, code) => {
    const { verifier, service } = await startWorld()
    service.instead.set(REDEEM, (_, response) => answer(response, status, body))
    expect(await refusalOf(verifier.redeemTicket('t'))).toBe(code)
  })

  test('redeeming fails while the service is down, and the error contains no secret', async () => {
    const { verifier, service, errors } = await startWorld()
    await service.stop()
    expect(await refusalOf(verifier.redeemTicket('a-secret-ticket'))).toBe('unavailable')
    const told = errors.map((error) => `${String(error.stack)} ${JSON.stringify(error)}`).join()
    expect(told).toContain('ECONNREFUSED')
    expect(told).not.toMatch(/a-secret-ticket|test-service-key/)
    await service.start()
  })

  test('redeeming a ticket gives up after 2 seconds', async () => {
    const { verifier, service, clock } = await startWorld()
    service.instead.set(REDEEM, () => undefined)
    const refusal = refusalOf(verifier.redeemTicket('t'))
    await until(() => service.timesHeard(REDEEM) === 1)
    clock.pass(2_000)
    expect(await refusal).toBe('unavailable')
  })

  test('a redeemed ticket is refused if its claims have expired or its session has ended', async () => {
    const { verifier, service, claims } = await startWorld()
    service.tickets.set('old', { claims: claims({ exp: 1 }) })
    expect(await refusalOf(verifier.redeemTicket('old'))).toBe('expired')
    const given = claims()
    service.tickets.set('ended', { claims: given })
    service.revoke(given.sid)
    await until(() => verifier.health().revokedCount === 1)
    expect(await refusalOf(verifier.redeemTicket('ended'))).toBe('session_ended')
  })

  test('a ticket can be redeemed while the feed is stale, since the service was asked', async () => {
    const { verifier, service, claims, clock } = await startWorld()
    service.isFrozen = true
    clock.pass(5_001)
    service.tickets.set('t', { claims: claims() })
    expect((await verifier.redeemTicket('t')).user_id).toBe(7)
  })

  test('redeeming is retried on a new connection if the persistent one was closed', async () => {
    const { verifier, service, claims } = await startWorld()
    service.tickets.set('first', { claims: claims() })
    await verifier.redeemTicket('first')
    // The next request uses the same connection, which then ends without a response.
    let asked = 0
    service.tickets.set('second', { claims: claims() })
    service.instead.set(REDEEM, ({ body }, response) => {
      asked += 1
      service.instead.delete(REDEEM)
      expect(body).toEqual({ ticket: 'second' })
      response.socket?.destroy()
    })
    expect((await verifier.redeemTicket('second')).user_id).toBe(7)
    expect([asked, service.timesHeard(REDEEM)]).toEqual([1, 3])
  })
})

import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { answer } from '../support/stand-in-service.ts'
import { ManualClock, until } from '../support/manual-clock.ts'
import { refusalOf, startWorld, type World } from '../support/world.ts'

/** The stream is silent, and everything else of the service is there. */
async function goStale({ service, clock, verifier }: World): Promise<void> {
  service.isFrozen = true
  clock.pass(5_001)
  await until(() => !verifier.health().fresh)
}

describe('a stale verifier', () => {
  test('a stale verifier refuses by default, and still reports known ends', async () => {
    const world = await startWorld()
    const { verifier, token, service } = world
    const [good, ended] = [token(), randomUUID()]
    await verifier.verify(good)
    service.revoke(ended)
    await until(() => verifier.health().revokedCount === 1)
    await goStale(world)
    expect(await refusalOf(verifier.verify(good))).toBe('stale')
    expect(await refusalOf(verifier.verify(token()))).toBe('stale')
    expect(await refusalOf(verifier.verify(token({ sid: ended })))).toBe('session_ended')
    expect(await refusalOf(verifier.verify(token({ exp: 1 })))).toBe('expired')
  })

  test("a stale verifier with whenStale 'accept' accepts until exp", async () => {
    const world = await startWorld({ whenStale: 'accept' })
    const { verifier, token, claims, clock } = world
    const good = token({ exp: claims().iat + 60 })
    await goStale(world)
    expect(await refusalOf(verifier.verify(good))).toBeUndefined()
    clock.wallOffsetMs -= 3_600_000
    clock.pass(60_000)
    expect(await refusalOf(verifier.verify(good))).toBe('expired')
  })

  test("a stale verifier with 'introspect' asks the service after its own checks", async () => {
    const world = await startWorld({ whenStale: 'introspect' })
    const { verifier, token, claims, service } = world
    const given = claims()
    const [good, ended] = [token(given), token()]
    service.claimsByToken.set(good, given)
    await goStale(world)
    expect(await verifier.verify(good)).toEqual(given)
    expect(await verifier.verify(good)).toEqual(given)
    expect(service.timesHeard('/v1/introspect')).toBe(2)
    expect(await refusalOf(verifier.verify(ended))).toBe('session_ended')
    expect(await refusalOf(verifier.verify(token({ iss: 'x' })))).toBe('wrong_issuer')
    expect(service.timesHeard('/v1/introspect')).toBe(3)
  })

  test('introspection before the time is known leaves the expiry to the service', async () => {
    const { verifier, token, claims, service, clock } = await startWorld({
      isReady: false,
      whenStale: 'introspect',
      prepare: (it) => (it.isFrozen = true),
    })
    clock.wallOffsetMs += 3_600_000
    await until(() => verifier.health().keyCount === 1)
    const given = claims()
    const good = token(given)
    service.claimsByToken.set(good, given)
    expect(await refusalOf(verifier.verify(good))).toBeUndefined()
    expect(await refusalOf(verifier.verify(token({ exp: 1 })))).toBe('session_ended')
  })

  test('a token verified many times in parallel is introspected once', async () => {
    const world = await startWorld({ whenStale: 'introspect' })
    const { verifier, token, claims, service } = world
    const given = claims()
    const good = token(given)
    service.claimsByToken.set(good, given)
    await goStale(world)
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(good)))
    expect(service.timesHeard('/v1/introspect')).toBe(1)
  })

  test('at most 64 introspections are in flight, and the others wait', async () => {
    const world = await startWorld({ whenStale: 'introspect' })
    const { verifier, claims, token, service } = world
    const held: (() => void)[] = []
    service.instead.set('/v1/introspect', ({ body }, response) => {
      const given = service.claimsByToken.get((body as { token: string }).token)
      held.push(() => answer(response, 200, { active: true, ...given }))
    })
    await goStale(world)
    const all = Promise.all(
      Array.from({ length: 100 }, () => {
        const given = claims()
        const good = token(given)
        service.claimsByToken.set(good, given)
        return verifier.verify(good)
      }),
    )
    await until(() => held.length === 64)
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(held).toHaveLength(64)
    for (let answered = 0; answered < 100; answered += 1) {
      await until(() => held.length > answered)
      held[answered]?.()
    }
    expect(await all).toHaveLength(100)
  })

  const badResponses: [string, (response: ServerResponse) => unknown][] = [
    ['an error', (response) => answer(response, 503, {})],
    ['a redirect', (response) => response.writeHead(307, { location: '/v1/introspect' }).end()],
    ['nonsense', (response) => answer(response, 200, 'active')],
    ['a text for a yes', (response) => answer(response, 200, { active: 'true' })],
    [
      'the word about another session',
      (response) => answer(response, 200, { active: true, sid: randomUUID() }),
    ],
    ['a cut', (response) => response.destroy()],
    ['an endless response', (response) => response.writeHead(200).write('x'.repeat(100_000))],
  ]
  test.each(badResponses)('introspection that gets %s is refused as unavailable', async (_, reply) => {
    const world = await startWorld({ whenStale: 'introspect' })
    const { verifier, token, service } = world
    service.instead.set('/v1/introspect', (_heard, response) => void reply(response))
    await goStale(world)
    expect(await refusalOf(verifier.verify(token()))).toBe('unavailable')
  })

  test('introspection waits 2 seconds for a response and no longer', async () => {
    const world = await startWorld({ whenStale: 'introspect' })
    const { verifier, token, service, clock } = world
    service.instead.set('/v1/introspect', () => undefined)
    await goStale(world)
    const refusal = refusalOf(verifier.verify(token()))
    await until(() => service.timesHeard('/v1/introspect') === 1)
    clock.pass(2_000)
    expect(await refusal).toBe('unavailable')
  })

  test('an end from the feed wins over an introspection response that crossed it', async () => {
    const world = await startWorld({ whenStale: 'introspect' })
    const { verifier, token, claims, service } = world
    const given = claims()
    let reply = (): void => undefined
    service.instead.set(
      '/v1/introspect',
      (_, response) => (reply = () => answer(response, 200, { active: true, ...given })),
    )
    await until(() => verifier.health().connected)
    // Stale, and the connection still there.
    world.clock.stall(6_000)
    const refusal = refusalOf(verifier.verify(token(given)))
    await until(() => service.timesHeard('/v1/introspect') === 1)
    service.revoke(given.sid)
    await until(() => verifier.health().revokedCount === 1)
    reply()
    expect(await refusal).toBe('session_ended')
  })
})

describe('clocks', () => {
  test.each([-300_000, 300_000])('a local clock that is off by %s ms changes nothing', async (offMs) => {
    const clock = new ManualClock()
    clock.wallOffsetMs += offMs
    const { verifier, token, claims, live } = await startWorld({ clock })
    const { iat } = claims()
    expect(await refusalOf(verifier.verify(token({ exp: iat + 2 })))).toBeUndefined()
    expect(await refusalOf(verifier.verify(token({ exp: iat })))).toBe('expired')
    expect(await refusalOf(verifier.verify(token({ nbf: iat + 1 })))).toBe('not_yet_valid')
    await live(2)
    expect(await refusalOf(verifier.verify(token({ exp: iat + 2 })))).toBe('expired')
  })

  test('the local clock counts while the service’s time is unknown and nobody is asked', async () => {
    const { verifier, token, service, clock } = await startWorld({
      isReady: false,
      whenStale: 'accept',
      prepare: (it) => (it.isFrozen = true),
    })
    clock.wallOffsetMs = service.now() - clock.monotonicMs()
    await until(() => verifier.health().keyCount === 1)
    expect(await refusalOf(verifier.verify(token()))).toBeUndefined()
    expect(await refusalOf(verifier.verify(token({ exp: Math.floor(service.now() / 1000) })))).toBe('expired')
  })

  test('a clock set back after an end was removed accepts no token of it again', async () => {
    const { verifier, token, claims, service, clock, live } = await startWorld()
    const given = claims()
    const ended = token(given)
    service.revoke(given.sid)
    await until(() => verifier.health().revokedCount === 1)
    service.cut()
    clock.stall(700_000)
    await until(() => !verifier.health().connected)
    clock.pass(2_000)
    await until(() => verifier.health().fresh)
    await until(() => verifier.health().revokedCount === 0)
    // Another instance, whose clock is ten minutes behind; the log no longer has the row.
    const before = service.now
    service.now = () => before() - 702_000
    service.rows = []
    service.coveredFrom = 1
    service.cut()
    await until(() => !verifier.health().connected)
    clock.pass(2_000)
    await until(() => verifier.health().connected && verifier.health().stalenessMs === 0)
    await live(1)
    expect(await refusalOf(verifier.verify(ended))).toBe('expired')
    expect(await refusalOf(verifier.verify(token({ exp: claims().iat + 3_600 })))).toBeUndefined()
  })
})

describe('freshness', () => {
  test('sockets are notified once when the verifier becomes stale', async () => {
    const { verifier, service, clock, claims } = await startWorld()
    const closed: number[] = []
    const socket = { close: (code: number) => closed.push(code), once: () => undefined }
    verifier.guardSockets().hold(socket, claims())
    service.isFrozen = true
    clock.pass(5_000)
    expect(closed).toEqual([])
    clock.pass(1)
    expect(closed).toEqual([4503])
    clock.pass(60_000)
    expect(closed).toEqual([4503])
  })

  test('a verifier stays fresh if its process was busy while events were waiting', async () => {
    const { verifier, service, clock, claims } = await startWorld()
    const closed: number[] = []
    const socket = { close: (code: number) => closed.push(code), once: () => undefined }
    verifier.guardSockets().hold(socket, claims())
    clock.stall(4_000)
    service.heartbeat()
    await until(() => verifier.health().stalenessMs === 0)
    clock.stall(6_000)
    service.heartbeat()
    // The timer comes first, and the heartbeat is there to be read.
    clock.pass(0)
    await until(() => verifier.health().stalenessMs < 1_000 || !verifier.health().connected)
    clock.pass(60)
    expect(closed).toEqual([])
  })
})

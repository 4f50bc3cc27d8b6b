import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { answer, type Row } from './support/stand-in-service.ts'
import { until } from './support/manual-clock.ts'
import { refusalOf, startWorld } from './support/world.ts'

const STREAM = '/v1/revocations/stream'

describe('the feed', () => {
  it('brings what ended before the verifier was there, and tells it', async () => {
    const known: Row[] = []
    const { verifier, token, service } = await startWorld({
      isReady: false,
      prepare: (it) =>
        known.push(it.revoke(randomUUID()), it.revoke(randomUUID(), { reason: 'signed_out', userId: 8 })),
    })
    const told: unknown[] = []
    verifier.onSessionEnded((end) => told.push(end))
    await verifier.ready()
    expect(told).toEqual(known.map(({ sid, user_id: userId, reason }) => ({ sid, userId, reason })))
    expect(await refusalOf(verifier.verify(token({ sid: known[0]?.sid })))).toBe('session_ended')
    expect(service.heard.find(({ path }) => path === STREAM)?.headers).not.toHaveProperty('last-event-id')
  })

  it('goes on where it was after a cut, and forgets nothing', async () => {
    const { verifier, service, clock, token } = await startWorld()
    const [before, during, after] = [randomUUID(), randomUUID(), randomUUID()]
    service.revoke(before)
    await until(() => verifier.health().revokedCount === 1)
    service.cut()
    await until(() => !verifier.health().connected)
    service.revoke(during)
    clock.pass(100)
    await until(() => verifier.health().revokedCount === 2)
    expect(service.heard.filter(({ path }) => path === STREAM).at(-1)?.headers['last-event-id']).toBe('1')
    service.revoke(after)
    await until(() => verifier.health().revokedCount === 3)
    expect(verifier.health().feedReconnects).toBe(1)
    for (const sid of [before, during, after])
      expect(await refusalOf(verifier.verify(token({ sid })))).toBe('session_ended')
  })

  it('asks for a snapshot when the sequence has a gap', async () => {
    const { verifier, service, clock, errors } = await startWorld()
    const lost = randomUUID()
    service.isFrozen = true
    service.revoke(lost)
    service.isFrozen = false
    service.revoke(randomUUID())
    await until(() => !verifier.health().connected)
    clock.pass(100)
    await until(() => verifier.health().revokedCount === 2)
    const [, again] = service.heard.filter(({ path }) => path === STREAM)
    expect(again?.headers).not.toHaveProperty('last-event-id')
    expect(errors.map(({ message }) => message)).toEqual([
      'The feed of ended sessions is cut: the feed has a gap',
    ])
  })

  it.each(['data: {"seq":', 'data: []', `data: ${'x'.repeat(100)}`])(
    'starts from a snapshot after nonsense: %s',
    async (nonsense) => {
      const { verifier, service, clock } = await startWorld()
      service.sendRaw(`event: revoked\n${nonsense}\n\n`)
      await until(() => !verifier.health().connected)
      clock.pass(100)
      await until(() => verifier.health().connected)
      expect(service.heard.filter(({ path }) => path === STREAM).at(-1)?.headers).not.toHaveProperty(
        'last-event-id',
      )
    },
  )

  it('follows a service that was restored from an older copy', async () => {
    const { verifier, service, clock, token } = await startWorld()
    const sids = [randomUUID(), randomUUID(), randomUUID()]
    for (const sid of sids) service.revoke(sid)
    await until(() => verifier.health().revokedCount === 3)
    service.cut()
    await until(() => !verifier.health().connected)
    service.rows = service.rows.slice(0, 1)
    service.seq = 1
    clock.pass(100)
    await until(() => verifier.health().connected)
    service.revoke(randomUUID())
    await until(() => verifier.health().revokedCount === 4)
    for (const sid of sids) expect(await refusalOf(verifier.verify(token({ sid })))).toBe('session_ended')
  })

  it('starts from a snapshot when events come and none says that all is known', async () => {
    const { verifier, service, clock } = await startWorld()
    service.revoke(randomUUID())
    await until(() => verifier.health().revokedCount === 1)
    // As of an instance that is behind and stays so.
    for (let second = 0; second < 12 && verifier.health().connected; second += 1) {
      clock.pass(1_000)
      service.send('heartbeat', { seq: 0, server_time: new Date(service.now()).toISOString() })
      service.send('flush', {})
      service.send('heartbeat', { seq: 0, server_time: new Date(service.now()).toISOString() })
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => !verifier.health().connected)
    clock.pass(100)
    await until(() => verifier.health().fresh)
    expect(service.heard.filter(({ path }) => path === STREAM).at(-1)?.headers).not.toHaveProperty(
      'last-event-id',
    )
  })

  it('hands every end to every listener, whatever others do', async () => {
    const { verifier, service, errors } = await startWorld()
    const told: string[] = []
    verifier.onSessionEnded(() => {
      throw new Error('of a listener')
    })
    const later: () => unknown = () => Promise.reject(new Error('of a later listener'))
    verifier.onSessionEnded(later)
    const stop = verifier.onSessionEnded(({ sid }) => told.push(`stopped ${sid}`))
    verifier.onSessionEnded(({ sid }) => told.push(sid))
    stop()
    const [first, second] = [randomUUID(), randomUUID()]
    service.revoke(first)
    service.revoke(second)
    await until(() => told.length === 2)
    expect(told).toEqual([first, second])
    expect(errors[0]).toMatchObject({ message: 'A listener threw.', cause: { message: 'of a listener' } })
  })
})

describe('the connection to the feed', () => {
  it('is given up when nothing comes for maxStalenessMs, without a reset', async () => {
    const { verifier, service, clock, token, errors } = await startWorld()
    const good = token()
    await verifier.verify(good)
    service.isFrozen = true
    clock.pass(4_999)
    expect(await refusalOf(verifier.verify(good))).toBeUndefined()
    clock.pass(1)
    await until(() => !verifier.health().connected)
    clock.pass(1)
    expect(await refusalOf(verifier.verify(good))).toBe('stale')
    expect(errors.at(-1)?.message).toContain('nothing came from the service')
    service.isFrozen = false
    clock.pass(100)
    await until(() => verifier.health().fresh)
    expect(await refusalOf(verifier.verify(good))).toBeUndefined()
  })

  it('takes comments for no sign of life', async () => {
    const { verifier, service, clock } = await startWorld()
    for (let second = 0; second < 5; second += 1) {
      service.sendRaw(': still here\n\n')
      clock.pass(1_000)
    }
    await until(() => !verifier.health().connected)
    expect(verifier.health().feedReconnects).toBe(0)
  })

  it('is given up when the first event is late, since all that follows would look old', async () => {
    const { verifier, service, clock } = await startWorld({
      isReady: false,
      prepare: (it) => (it.isFrozen = true),
    })
    await until(() => service.streams.size === 1)
    clock.pass(2_500)
    await until(() => service.streams.size === 0)
    service.isFrozen = false
    clock.pass(100)
    await verifier.ready()
    expect(verifier.health().stalenessMs).toBe(0)
  })

  it('waits for a long snapshot as long as it comes in', async () => {
    const { verifier, service, clock } = await startWorld({
      isReady: false,
      prepare: (it) => (it.isFrozen = true),
    })
    await until(() => service.streams.size === 1)
    service.revoke(randomUUID())
    const text = service.eventText('snapshot', service.snapshot())
    const [stream] = service.streams
    for (let at = 0; at < 8; at += 1) {
      stream?.write(text.slice(at * 10, at * 10 + 10))
      // The stand-in and the verifier share this process: a turn or a few of its loop, and the bytes are there.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      clock.pass(2_000)
    }
    stream?.write(text.slice(80))
    await until(() => verifier.health().revokedCount === 1)
    // Of the time when it was asked for.
    expect(verifier.health()).toMatchObject({ fresh: false, stalenessMs: 16_000 })
    service.isFrozen = false
    service.heartbeat()
    await verifier.ready()
    expect(verifier.health().feedReconnects).toBe(0)
  })

  it('does not wait for ever for an event that never ends', async () => {
    const { verifier, service, clock, errors } = await startWorld()
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    service.sendRaw('data: ')
    await turns()
    for (let second = 0; second < 59; second += 1) {
      clock.pass(1_000)
      service.sendRaw('x')
      await turns()
    }
    expect([verifier.health().connected, errors]).toEqual([true, []])
    for (let second = 0; second < 6; second += 1) {
      clock.pass(1_000)
      service.sendRaw('x')
      await turns()
    }
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('nothing came')])
  })

  it('is measured again when the stream falls behind, or the clock of the service is set', async () => {
    for (const offMs of [-2_600, 2_600, 300_000]) {
      const { verifier, service, clock, live } = await startWorld()
      await live(3)
      const before = service.now
      service.now = () => before() + offMs
      clock.pass(1_000)
      service.heartbeat()
      await until(() => !verifier.health().connected)
      expect(verifier.health().stalenessMs).toBe(1_000)
      clock.pass(100)
      await until(() => verifier.health().stalenessMs === 0)
    }
  })

  it('comes back with growing, jittered delays, and never later than maxStalenessMs allows', async () => {
    const { service, clock } = await startWorld({ maxStalenessMs: 2_000 })
    clock.chance = 0
    service.instead.set(STREAM, (_, response) => answer(response, 503, {}))
    service.cut()
    // All other timers are for longer.
    const waits = () => clock.asked.filter((ms) => ms <= 500)
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      await until(() => waits().length === attempt)
      clock.pass(waits().at(-1) ?? 0)
    }
    expect(waits()).toEqual([50, 100, 200, 400, 500, 500, 500])
  })

  it('comes back when the service said, after an orderly end, and makes no noise about it', async () => {
    const { verifier, service, clock, errors } = await startWorld()
    service.endInOrder(700)
    await until(() => !verifier.health().connected)
    // Half of it up to all of it.
    expect(clock.asked.at(-1)).toBeCloseTo(700 * (0.5 + clock.chance / 2))
    clock.pass(700)
    await until(() => verifier.health().connected)
    expect(errors).toEqual([])
  })

  it('says what to check when the service refuses the key, and keeps trying', async () => {
    const { verifier, service, clock, errors } = await startWorld({
      isReady: false,
      prepare: (it) =>
        it.instead.set(STREAM, (_, response) => answer(response, 401, { code: 'invalid_service_key' })),
    })
    await until(() => errors.length === 1)
    expect(errors[0]?.message).toContain('serviceKey')
    expect(errors[0]?.message).not.toContain('test-service-key')
    expect(clock.asked.at(-1)).toBeCloseTo(5_000 * (0.5 + clock.chance / 2))
    service.instead.clear()
    clock.pass(5_000)
    await verifier.ready()
  })

  it.each([
    [200, { 'content-type': 'text/html' }],
    [200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }],
    [302, { location: 'http://127.0.0.1:9/' }],
    [404, {}],
    [500, {}],
  ])('is not taken for one that answers %s %j', async (status, headers) => {
    const { verifier, service, errors } = await startWorld({
      isReady: false,
      prepare: (it) =>
        it.instead.set(STREAM, (_, response) => response.writeHead(status, headers).end('data: {}\n\n')),
    })
    await until(() => errors.length > 0)
    expect(verifier.health().connected).toBe(false)
    expect(service.timesHeard(STREAM)).toBe(1)
  })
})

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { answer, type Row } from '../support/stand-in-service.ts'
import { until } from '../support/manual-clock.ts'
import { refusalOf, startWorld } from '../support/world.ts'

const STREAM = '/v1/revocations/stream'

describe('the feed', () => {
  test('the feed delivers and reports sessions that ended before the verifier started', async () => {
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

  test('after a cut the feed resumes where it was and keeps all known ends', async () => {
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

  test('the feed requests a snapshot when the sequence has a gap', async () => {
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
    expect(errors.map(({ message }) => message)).toEqual(['The revocation feed was lost: the feed has a gap'])
  })

  test.each(['data: {"seq":', 'data: []', `data: ${'x'.repeat(100)}`])(
    'the feed starts from a snapshot after nonsense: %s',
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

  test('the feed follows a service that was restored from an older backup', async () => {
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

  test('the feed requests a snapshot when heartbeats stay behind the received rows', async () => {
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

  test('every listener gets every end, even if another listener throws', async () => {
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
    expect(errors[0]).toMatchObject({
      message: 'A listener threw an error.',
      cause: { message: 'of a listener' },
    })
  })
})

describe('a row that this version cannot read', { tags: ['VERIFIER-1'] }, () => {
  /** Rows as a later version might write them, or a damaged one. All name user 7. */
  const rows: readonly object[] = [
    { kind: 'all_sessions_of_user', not_before: 1 },
    { sid: 'not-an-id', reason: 'terminated', expires_at: 'tomorrow' },
    { sid: randomUUID(), reason: { code: 7 }, expires_at: '2027-01-01T00:00:00Z' },
    { sid: randomUUID(), reason: 'roles_changed', up_to_generation: 'all', expires_at: 17 },
  ]

  test.each(rows)(
    'an unreadable row %j refuses its user and is reported; the feed continues',
    async (more) => {
      const { verifier, service, token, errors, live } = await startWorld()
      const [theirs, others] = [token(), token({ sub: '8', user_id: 8 })]
      const closed: [number, number][] = []
      const guard = verifier.guardSockets()
      for (const held of [theirs, others]) {
        const claims = await verifier.verify(held)
        guard.hold({ close: (code) => closed.push([claims.user_id, code]), once: () => undefined }, claims)
      }
      service.seq += 1
      service.send('revoked', { seq: service.seq, user_id: 7, ...more })
      const ended = service.revoke(randomUUID(), { userId: 9 })
      await until(() => verifier.health().revokedCount === 1)
      await live(2)
      expect(await refusalOf(verifier.verify(theirs))).toBe('token_outdated')
      expect(await refusalOf(verifier.verify(others))).toBeUndefined()
      expect(await refusalOf(verifier.verify(token({ sid: ended.sid })))).toBe('session_ended')
      expect(closed).toEqual([[7, 4408]])
      expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('cannot be read')])
      expect(verifier.health()).toMatchObject({ connected: true, fresh: true, feedReconnects: 0 })
      // The service issued it knowing what the row says.
      await live(2)
      expect(await refusalOf(verifier.verify(token()))).toBeUndefined()
    },
  )

  test('an unreadable row in a snapshot refuses its user, and the other rows count', async () => {
    const ended = randomUUID()
    const { verifier, token, errors } = await startWorld({
      prepare: (it) => {
        it.rows.push({ ...it.revoke(randomUUID()), expires_at: 'never' }, null as unknown as Row)
        it.revoke(ended, { userId: 8 })
      },
    })
    expect(await refusalOf(verifier.verify(token()))).toBe('token_outdated')
    expect(await refusalOf(verifier.verify(token({ sub: '8', user_id: 8 })))).toBeUndefined()
    expect(await refusalOf(verifier.verify(token({ sub: '8', user_id: 8, sid: ended })))).toBe(
      'session_ended',
    )
    expect(errors).toHaveLength(1)
    expect(verifier.health()).toMatchObject({ connected: true, fresh: true })
  })

  test('an unreadable row does not affect a ticket that is redeemed after it', async () => {
    const { verifier, service, claims } = await startWorld()
    const given = claims()
    service.seq += 1
    service.send('revoked', { seq: service.seq, user_id: 7 })
    service.revoke(randomUUID(), { userId: 9 })
    await until(() => verifier.health().revokedCount === 1)
    service.tickets.set('t', { claims: given })
    expect(await verifier.redeemTicket('t')).toEqual(given)
  })

  test('the feed ignores unknown fields, events and reasons', async () => {
    const { verifier, service, token, errors } = await startWorld()
    const [sid, time] = [randomUUID(), () => new Date(service.now()).toISOString()]
    service.send('announcement', { seq: 'x' })
    service.sendRaw('event: later\ndata: not JSON\n\n')
    service.send('heartbeat', { seq: 0, server_time: time(), load: 1, log: { id: 'x' }, user_id: null })
    service.seq += 1
    service.send('revoked', {
      seq: 1,
      sid,
      user_id: 7,
      reason: 'a reason of later versions',
      expires_at: '2027-01-01T00:00:00Z',
      kind: 'later',
      by: [{}],
    })
    service.send('heartbeat', { seq: 1, server_time: time(), more: {} })
    await until(() => verifier.health().revokedCount === 1)
    expect(await refusalOf(verifier.verify(token({ sid })))).toBe('session_ended')
    expect(await refusalOf(verifier.verify(token()))).toBeUndefined()
    expect([errors, verifier.health().connected]).toEqual([[], true])
  })
})

describe('the connection to the feed', { tags: ['VERIFIER-2'] }, () => {
  test.each([
    [5_000, 2_500],
    [30_000, 15_000],
    // Longer than the second between two heartbeats.
    [2_000, 1_500],
  ])(
    'with maxStalenessMs %s the feed reconnects after %s ms of silence, in time',
    async (limit, silenceMs) => {
      const { verifier, service, clock, token, errors, claims } = await startWorld({ maxStalenessMs: limit })
      const good = token()
      const closed: number[] = []
      verifier.guardSockets().hold({ close: (code) => closed.push(code), once: () => undefined }, claims())
      service.isFrozen = true
      clock.pass(silenceMs - 1)
      expect([verifier.health().connected, errors]).toEqual([true, []])
      clock.pass(1)
      await until(() => !verifier.health().connected)
      expect(errors.at(-1)?.message).toContain('sent nothing')
      // As another instance, which hears of everything.
      service.isFrozen = false
      clock.pass(100)
      await until(() => verifier.health().connected && verifier.health().stalenessMs === 0)
      clock.pass(limit - 1)
      expect(await refusalOf(verifier.verify(good))).toBeUndefined()
      expect(closed).toEqual([])
    },
  )

  test('a feed that is silent at every instance makes the verifier stale at maxStalenessMs', async () => {
    const { verifier, service, clock, token } = await startWorld()
    const good = token()
    await verifier.verify(good)
    service.isFrozen = true
    clock.pass(5_000)
    expect(await refusalOf(verifier.verify(good))).toBeUndefined()
    clock.pass(1)
    expect(await refusalOf(verifier.verify(good))).toBe('stale')
  })

  test('a comment does not count as a heartbeat of the feed', async () => {
    const { verifier, service, clock } = await startWorld()
    for (let step = 0; step < 5; step += 1) {
      service.sendRaw(': still here\n\n')
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      clock.pass(500)
    }
    await until(() => !verifier.health().connected)
    expect(verifier.health().feedReconnects).toBe(0)
  })

  test('the feed reconnects when the first event is late, since later ones would look old', async () => {
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

  test('the feed waits for a long snapshot while data arrives', async () => {
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

  test('the feed does not wait forever for an event that never ends', async () => {
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
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('sent nothing')])
  })

  test('the feed is measured again when it falls behind or the service’s clock is set', async () => {
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

  test('the feed reconnects with growing, jittered delays, within maxStalenessMs', async () => {
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

  test('after an orderly end the feed reconnects when the service said, without an error', async () => {
    const { verifier, service, clock, errors } = await startWorld()
    service.endInOrder(700)
    await until(() => !verifier.health().connected)
    // Half of it up to all of it.
    expect(clock.asked.at(-1)).toBeCloseTo(700 * (0.5 + clock.chance / 2))
    clock.pass(700)
    await until(() => verifier.health().connected)
    expect(errors).toEqual([])
  })

  test('a refused service key is reported with what to check, and retried', async () => {
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
    await until(() => verifier.health().fresh)
  })

  test.each([
    [200, { 'content-type': 'text/html' }],
    [200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }],
    [302, { location: 'http://127.0.0.1:9/' }],
    [404, {}],
    [500, {}],
  ])('a response with %s %j is not accepted as a feed', async (status, headers) => {
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

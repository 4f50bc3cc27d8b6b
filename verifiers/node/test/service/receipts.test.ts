import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { JsonResponse, JsonRequest } from '../../src/service/json-requests.ts'
import { Receipts } from '../../src/service/receipts.ts'
import { ManualClock, until } from '../support/manual-clock.ts'
import { refusalOf, startWorld } from '../support/world.ts'

interface Item {
  sid: string
  user_id: number
  gen: number
  seen_at: string
  rcp?: string
}

function start(answers: (() => Promise<JsonResponse>)[] = []) {
  const clock = new ManualClock()
  const batches: Item[][] = []
  const errors: string[] = []
  const receipts = new Receipts({
    clock,
    onError: ({ message }) => errors.push(message),
    serviceKey: 'k',
    send: ({ body }: JsonRequest) => {
      batches.push((body as { items: Item[] }).items)
      return (answers.shift() ?? (() => Promise.resolve({ status: 204, body: undefined })))()
    },
  })
  const note = (sid: string, gen = 0) =>
    receipts.add(sid, { userId: 7, gen, seenAtMs: Date.UTC(2026, 10, 23), proof: undefined })
  const settle = async () => {
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
  }
  return { clock, batches, errors, receipts, note, settle }
}
const status = (code: number) => () => Promise.resolve({ status: code, body: undefined })
const cut = () => Promise.reject(new Error('cut'))

describe('receipts', () => {
  test('the first use of a generation is reported once, about a second later', async () => {
    const { verifier, service, token, claims, clock } = await startWorld()
    const { sid } = claims()
    for (const gen of [0, 0, 1]) await verifier.verify(token({ sid, gen, rcp: `proof of ${gen}` }))
    const seenAt = new Date(service.now()).toISOString()
    clock.pass(999)
    expect(service.timesHeard('/v1/receipts')).toBe(0)
    clock.pass(1)
    await until(() => verifier.health().receipts.reported === 1)
    const [heard] = service.heard.filter(({ path }) => path === '/v1/receipts')
    expect(heard?.body).toEqual({ items: [{ sid, user_id: 7, gen: 1, seen_at: seenAt, rcp: 'proof of 1' }] })
    await verifier.verify(token({ sid, gen: 1, jti: 'another' }))
    await verifier.verify(token({ sid, gen: 0, jti: 'an older one' }))
    expect(verifier.health().receipts).toEqual({ reported: 1, dropped: 0, waiting: 0 })
  })

  test('receipts are sent for accepted tokens only', async () => {
    const { verifier, service, token, clock } = await startWorld()
    const refused = token()
    await refusalOf(verifier.verify(token({ exp: 1 })))
    service.isFrozen = true
    clock.pass(5_001)
    expect(await refusalOf(verifier.verify(refused))).toBe('stale')
    expect(verifier.health().receipts.waiting).toBe(0)
    service.isFrozen = false
    clock.pass(2_000)
    await until(() => verifier.health().fresh)
    // Remembered from before, and accepted for the first time.
    await verifier.verify(refused)
    expect(verifier.health()).toMatchObject({ cacheHits: 1, receipts: { waiting: 1 } })
  })

  test.each([
    [401, 'POST v1/receipts: status 401; check that serviceKey'],
    [403, 'POST v1/receipts: status 403; check that serviceKey'],
    [404, 'POST v1/receipts: status 404; check that url'],
  ])('receipts that are refused with %i are reported and sent again', async (code, message) => {
    const { clock, batches, errors, receipts, note, settle } = start([status(code)])
    note('a')
    clock.pass(1_000)
    await settle()
    expect(errors).toEqual([expect.stringContaining(message) as string])
    expect(receipts.counts).toEqual({ reported: 0, dropped: 0, waiting: 1 })
    clock.pass(2_000)
    await settle()
    expect([batches.length, errors.length]).toEqual([2, 1])
  })

  test('receipts that fail for another reason are not reported', async () => {
    const { clock, errors, note, settle } = start([status(503), cut, status(422)])
    note('a')
    for (let attempt = 0; attempt < 3; attempt += 1) {
      clock.pass(10_000)
      await settle()
    }
    expect(errors).toEqual([])
  })

  test('an application gets one report of a service key that receipts are refused with', async () => {
    const { verifier, service, token, clock, errors } = await startWorld({ maxStalenessMs: 1e9 })
    service.instead.set('/v1/receipts', (_, response) => response.writeHead(401).end())
    await verifier.verify(token())
    clock.pass(1_000)
    await until(() => errors.length > 0)
    clock.pass(2_000)
    await until(() => service.timesHeard('/v1/receipts') === 2)
    await verifier.close()
    expect(errors.map(({ message }) => message)).toEqual([
      'POST v1/receipts: status 401; check that serviceKey is one of SERVICE_KEYS of the service, with the scope verify',
    ])
  })

  test('close() sends the last receipts', async () => {
    const { verifier, service, token } = await startWorld()
    await verifier.verify(token())
    await verifier.close()
    expect(service.timesHeard('/v1/receipts')).toBe(1)
  })

  test('receipts delay close() for at most 2 seconds', async () => {
    const { verifier, service, token, clock } = await startWorld()
    service.instead.set('/v1/receipts', () => undefined)
    await verifier.verify(token())
    const closed = verifier.close()
    await until(() => service.timesHeard('/v1/receipts') === 1)
    clock.pass(2_000)
    await closed
  })

  test('receipts are sent in batches of a thousand', async () => {
    const { clock, batches, note, settle, receipts } = start()
    for (let index = 0; index < 2_500; index += 1) note(`sid-${index}`)
    clock.pass(1_000)
    await settle()
    expect(batches.map(({ length }) => length)).toEqual([1_000, 1_000, 500])
    expect(receipts.counts).toEqual({ reported: 2_500, dropped: 0, waiting: 0 })
  })

  test('receipts are kept while the service is down, and retried with back-off', async () => {
    const { clock, batches, note, settle, receipts } = start([cut, status(503), status(401), status(204)])
    note('a')
    for (const delay of [1_000, 2_000, 4_000, 8_000]) {
      clock.pass(delay - 1)
      await settle()
      const before = batches.length
      clock.pass(1)
      await settle()
      expect(batches).toHaveLength(before + 1)
    }
    expect(receipts.counts).toEqual({ reported: 1, dropped: 0, waiting: 0 })
  })

  test('receipts that the service refuses as invalid are not retried', async () => {
    const { clock, note, settle, receipts } = start([status(422)])
    note('a')
    clock.pass(1_000)
    await settle()
    expect(receipts.counts).toEqual({ reported: 0, dropped: 1, waiting: 0 })
  })

  test('a newer receipt is kept while an older one of the session is in flight', async () => {
    let reply = (): void => undefined
    const slow = () =>
      new Promise<JsonResponse>((resolve) => (reply = () => resolve({ status: 204, body: undefined })))
    const { clock, batches, note, settle } = start([slow])
    note('a', 1)
    clock.pass(1_000)
    note('a', 2)
    reply()
    await settle()
    expect(batches.map(([item]) => item?.gen)).toEqual([1, 2])
  })

  test('the oldest receipts are dropped when there are too many', async () => {
    const { clock, batches, note, settle, receipts } = start()
    for (let index = 0; index < 10_500; index += 1) note(`sid-${index}`)
    expect(receipts.counts).toEqual({ reported: 0, dropped: 500, waiting: 10_000 })
    clock.pass(1_000)
    await settle()
    expect(batches[0]?.[0]?.sid).toBe('sid-500')
  })

  test('receipts carry the service’s time', async () => {
    const { verifier, service, token, clock } = await startWorld()
    clock.wallOffsetMs += 300_000
    const seenAt = new Date(service.now()).toISOString()
    await verifier.verify(token({ sid: randomUUID() }))
    await verifier.close()
    const heard = service.heard.find(({ path }) => path === '/v1/receipts')
    expect((heard?.body as { items: Item[] }).items[0]?.seen_at).toBe(seenAt)
  })
})

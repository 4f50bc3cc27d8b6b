import { beforeEach, describe, expect, test } from 'vitest'
import type { LoggedRevocation } from '../../../src/application/ports/revocation-log.ts'
import type { DomainEvent } from '../../../src/domain/event.ts'
import {
  createRevocationFeed,
  wakeForRevocations,
  type RevocationFeed,
} from '../../../src/application/revocations/revocation-feed.ts'
import { aRevocation } from '../../contracts/revocation-log.contract.ts'
import { FakeRevocationLog } from '../../fakes/fake-revocation-log.ts'
import { at } from '../../support/builders.ts'
import { tallyFault } from '../../support/fault-report.ts'

let log: FakeRevocationLog
let feed: RevocationFeed
let seconds: number
let told: (number | 'restarted')[]

beforeEach(() => {
  log = new FakeRevocationLog()
  seconds = 0
  told = []
  feed = createRevocationFeed({ revocationLog: log, clock: { now: () => at(seconds) } })
  feed.listen({
    revoked: (revocations) => told.push(...revocations.map(({ seq }) => seq)),
    restarted: () => told.push('restarted'),
  })
})

const commit = (...numbers: number[]): void => log.commit(...numbers.map((number) => aRevocation(number)))
const seqs = (rows: readonly LoggedRevocation[] | undefined) => rows?.map(({ seq }) => seq)

describe('catching up', () => {
  test('tells what is new, once and in order, over as many pages as there are', async () => {
    commit(1, 2, 3, 4, 5, 6, 7)
    expect(await feed.catchUp()).toEqual({ seq: 7, asOf: at(0) })
    commit(8)
    await feed.catchUp()
    await feed.catchUp()
    expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('answers the time from before the log was read', async () => {
    const position = feed.catchUp()
    seconds = 5
    expect((await position).asOf).toEqual(at(0))
  })

  test('has in it whatever was committed before the call, also when a run was under way', async () => {
    const first = feed.catchUp()
    commit(1)
    const second = feed.catchUp()
    commit(2)
    const third = feed.catchUp()
    expect(await first).toMatchObject({ seq: expect.any(Number) as number })
    expect((await second).seq).toBeGreaterThanOrEqual(1)
    expect((await third).seq).toBe(2)
  })

  test('is shared by calls that come together: a thousand readers cost two runs', async () => {
    await Promise.all(Array.from({ length: 1_000 }, () => feed.catchUp()))
    expect(log.reads).toBe(2)
  })

  test('rejects when the log is away, and goes on where it was when it is back', async () => {
    commit(1)
    await feed.catchUp()
    log.setAway(true)
    await expect(feed.catchUp()).rejects.toThrow('the log is away')
    log.setAway(false)
    commit(2)
    await feed.catchUp()
    expect(told).toEqual([1, 2])
  })

  test('of a second caller does not fail because the first one did', async () => {
    log.setAway(true)
    const first = feed.catchUp()
    const back = first.catch(() => log.setAway(false))
    const second = feed.catchUp()
    await expect(first).rejects.toThrow('the log is away')
    await back
    expect((await second).seq).toBe(0)
  })
})

describe('being woken', () => {
  test('catches up in the background', async () => {
    commit(1)
    feed.wake()
    expect((await feed.catchUp()).seq).toBe(1)
    expect(told).toEqual([1])
  })

  test.each([
    ['session.ended', 1],
    ['user.roles_changed', 1],
    ['session.created', 0],
    ['user.updated', 0],
  ] as const)('%s, committed among others, wakes it %i times', (type, times) => {
    let woken = 0
    const event = (of: DomainEvent['type']) => ({ type: of }) as DomainEvent
    wakeForRevocations({ wake: () => (woken += 1) })([event('session.created'), event(type)])
    expect(woken).toBe(times)
  })

  test('while the log is away harms nobody', async () => {
    log.setAway(true)
    feed.wake()
    await expect(feed.catchUp()).rejects.toThrow()
  })
})

describe('the copy', () => {
  test('gives all that is still of interest, for a snapshot', async () => {
    commit(1, 2, 3)
    await feed.catchUp()
    const { seq, revocations } = feed.current()
    expect([seq, seqs(revocations)]).toEqual([3, [1, 2, 3]])
  })

  test('forgets rows from the front once they have expired', async () => {
    commit(5, 10, 20)
    await feed.catchUp()
    seconds = 10
    await feed.catchUp()
    const { seq, revocations } = feed.current()
    expect([seq, seqs(revocations)]).toEqual([3, [3]])
  })

  test.each([
    [0, [1, 2, 3, 4]],
    [2, [3, 4]],
    [4, []],
    [5, undefined],
  ])('gives a reader that has seen up to %i what is missing', async (seq, missing) => {
    commit(11, 12, 13, 14)
    await feed.catchUp()
    expect(seqs(feed.since(seq))).toEqual(missing)
  })

  test('cannot go on for a reader from before what it has forgotten', async () => {
    commit(1, 2, 13, 14)
    await feed.catchUp()
    seconds = 5
    await feed.catchUp()
    expect(seqs(feed.since(1))).toBeUndefined()
    expect(seqs(feed.since(2))).toEqual([3, 4])
  })

  test('of an instance that starts later begins where the log does', async () => {
    commit(1, 2, 13, 14)
    await feed.catchUp()
    log.removeExpired(at(5))
    const late = createRevocationFeed({ revocationLog: log, clock: { now: () => at(5) } })
    await late.catchUp()
    expect(seqs(late.since(2))).toEqual([3, 4])
    expect(late.since(1)).toBeUndefined()
  })
})

describe('a log that cannot be continued', () => {
  test('because rows were removed that were never read: starts again from a snapshot', async () => {
    const tally = tallyFault('retention overrun of the feed')
    commit(1)
    await feed.catchUp()
    commit(2, 3, 14)
    await log.number()
    log.removeExpired(at(5))
    await feed.catchUp()
    expect(told).toEqual([1, 'restarted', 4])
    expect(seqs(feed.current().revocations)).toEqual([4])
    Object.assign(tally, { rounds: 1, injected: 1 })
  })

  test('because a row is missing: rejects, so that nobody takes it for whole', async () => {
    commit(11, 12, 13)
    await feed.catchUp()
    log.lose(4)
    commit(14, 15)
    await expect(feed.catchUp()).rejects.toThrow('has no row 4')
    expect(told).toEqual([1, 2, 3])
  })

  test('because all rows after the last one are missing: rejects as well', async () => {
    commit(11, 12, 13)
    await feed.catchUp()
    log.lose(4)
    commit(14)
    await expect(feed.catchUp()).rejects.toThrow('has no row 4')
  })

  test('because it was set back, as by an old backup: starts again from a snapshot', async () => {
    commit(11, 12, 13)
    await feed.catchUp()
    log.setBackTo(1)
    await feed.catchUp()
    expect(told).toEqual([1, 2, 3, 'restarted', 1])
    expect(feed.current().seq).toBe(1)
    commit(15)
    await feed.catchUp()
    expect(told.slice(-1)).toEqual([2])
  })
})

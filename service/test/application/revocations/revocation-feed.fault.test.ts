import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LoggedRevocation } from '../../../src/application/ports/revocation-log.ts'
import type { DomainEvent } from '../../../src/domain/event.ts'
import {
  createRevocationFeed,
  wakeForRevocations,
  type RevocationFeed,
} from '../../../src/application/revocations/revocation-feed.ts'
import { aRevocation } from '../../contracts/revocation-log.contract.ts'
import { FakeRevocationLog } from '../../fakes/fake-revocation-log.ts'
import { at, sessionId } from '../../support/builders.ts'
import { recordFault } from '../../support/fault-report.ts'

let log: FakeRevocationLog
let feed: RevocationFeed
let seconds: number
let received: (number | 'restarted')[]

beforeEach(() => {
  log = new FakeRevocationLog()
  seconds = 0
  received = []
  feed = createRevocationFeed({ revocationLog: log, clock: { now: () => at(seconds) } })
  feed.listen({
    revoked: (revocations) => void received.push(...revocations.map(({ seq }) => seq)),
    restarted: () => received.push('restarted'),
  })
})

const commit = (...numbers: number[]): void => log.commit(...numbers.map((number) => aRevocation(number)))
const after = (seq: number, mark: number | 'any' = 'any') => feed.since({ log: log.log, seq, mark })
const known = (): LoggedRevocation[] => {
  const { lost, blocks } = feed.current()
  return [...lost.flat().map((row) => ({ ...row, seq: 0 })), ...blocks.flat()]
}
const seqs = (rows: readonly LoggedRevocation[] | undefined) => rows?.map(({ seq }) => seq)

/** After each test, whatever happened: a session is found exactly if one of its rows is known. */
afterEach(() => {
  const sessions = new Set(known().map(({ sessionId: id }) => id))
  const numbers = Array.from({ length: 2_600 }, (_, index) => index + 1)
  const found = numbers.map(sessionId).filter((id) => feed.revocationOf(id) !== undefined)
  expect(new Set(found)).toEqual(sessions)
})

describe('catching up', () => {
  test('catching up delivers new revocations once and in order, over several pages', async () => {
    commit(1, 2, 3, 4, 5, 6, 7)
    expect(await feed.catchUp()).toEqual({ log: log.log, seq: 7, asOf: at(0) })
    commit(8)
    await feed.catchUp()
    await feed.catchUp()
    expect(received).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('catching up delivers a part of a long backlog before the rest is numbered', async () => {
    commit(...Array.from({ length: 2_500 }, (_, index) => index + 1))
    let delivered = 0
    log.whenNumbered(() => log.whenNumbered(() => (delivered = received.length)))
    expect((await feed.catchUp()).seq).toBe(2_500)
    expect([delivered, received.length]).toEqual([1_000, 2_500])
  })

  test('catching up returns the time before the log was read', async () => {
    const position = feed.catchUp()
    seconds = 5
    expect((await position).asOf).toEqual(at(0))
  })

  test('catching up includes everything committed before the call, even during another run', async () => {
    const first = feed.catchUp()
    commit(1)
    const second = feed.catchUp()
    commit(2)
    const third = feed.catchUp()
    expect(await first).toMatchObject({ seq: expect.any(Number) as number })
    expect((await second).seq).toBeGreaterThanOrEqual(1)
    expect((await third).seq).toBe(2)
  })

  test('a thousand parallel calls to catch up share two reads of the log', async () => {
    await Promise.all(Array.from({ length: 1_000 }, () => feed.catchUp()))
    expect(log.reads).toBe(2)
  })

  test('catching up rejects while the log is down and continues when it is back', async () => {
    commit(1)
    await feed.catchUp()
    log.setDown(true)
    await expect(feed.catchUp()).rejects.toThrow('the log is down')
    log.setDown(false)
    commit(2)
    await feed.catchUp()
    expect(received).toEqual([1, 2])
  })

  test('catching up does not fail for a second caller because it failed for the first', async () => {
    log.setDown(true)
    const first = feed.catchUp()
    const back = first.catch(() => log.setDown(false))
    const second = feed.catchUp()
    await expect(first).rejects.toThrow('the log is down')
    await back
    expect((await second).seq).toBe(0)
  })
})

describe('waking the feed', () => {
  test('waking the feed catches up in the background', async () => {
    commit(1)
    feed.wake()
    expect((await feed.catchUp()).seq).toBe(1)
    expect(received).toEqual([1])
  })

  test.each([
    ['session.ended', 1],
    ['user.roles_changed', 1],
    ['session.created', 0],
    ['user.updated', 0],
  ] as const)('a committed %s event wakes the feed %i times', (type, times) => {
    let woken = 0
    const event = (of: DomainEvent['type']) => ({ type: of }) as DomainEvent
    wakeForRevocations({ wake: () => (woken += 1) })([event('session.created'), event(type)])
    expect(woken).toBe(times)
  })

  test('waking the feed while the log is down causes no unhandled error', async () => {
    log.setDown(true)
    feed.wake()
    await expect(feed.catchUp()).rejects.toThrow()
  })
})

describe('the copy of the log', () => {
  test('the feed returns all live revocations for a snapshot', async () => {
    commit(1, 2, 3)
    await feed.catchUp()
    expect([feed.current().place.seq, seqs(known())]).toEqual([3, [1, 2, 3]])
  })

  test('the feed removes its oldest rows once they have expired', async () => {
    commit(5, 10, 20)
    await feed.catchUp()
    seconds = 10
    await feed.catchUp()
    expect([feed.current().place.seq, seqs(known())]).toEqual([3, [3]])
  })

  test.each([
    [0, [1, 2, 3, 4]],
    [2, [3, 4]],
    [4, []],
    [5, undefined],
  ])('the feed returns the missing rows to a reader that has seen seq %i', async (seq, missing) => {
    commit(11, 12, 13, 14)
    await feed.catchUp()
    expect(seqs(after(seq))).toEqual(missing)
  })

  test('the feed cannot continue for a reader that is behind its oldest row', async () => {
    commit(1, 2, 13, 14)
    await feed.catchUp()
    seconds = 5
    await feed.catchUp()
    expect(seqs(after(1))).toBeUndefined()
    expect(seqs(after(2))).toEqual([3, 4])
  })

  test('the feed of a late instance begins with the oldest row of the log', async () => {
    commit(1, 2, 13, 14)
    await feed.catchUp()
    log.removeExpired(at(5))
    const late = createRevocationFeed({ revocationLog: log, clock: { now: () => at(5) } })
    await late.catchUp()
    expect(seqs(late.since({ log: log.log, seq: 2, mark: undefined }))).toEqual([3, 4])
    expect(late.since({ log: log.log, seq: 1, mark: 'any' })).toBeUndefined()
  })
})

describe('the revocation of a session', () => {
  const cutOff = (upToGeneration: number) => aRevocation(9, { reason: 'roles_changed', upToGeneration })

  test.each([
    ['the highest cut-off', [cutOff(3), cutOff(7), cutOff(5)], 7],
    ['its end', [cutOff(3), aRevocation(9), cutOff(5)], undefined],
  ])('the feed finds %s, in whatever order they came', async (_what, rows, upToGeneration) => {
    for (const order of [rows, rows.toReversed()]) {
      log = new FakeRevocationLog()
      feed = createRevocationFeed({ revocationLog: log, clock: { now: () => at(seconds) } })
      log.commit(...order)
      await feed.catchUp()
      expect(feed.revocationOf(sessionId(9))).toMatchObject({ upToGeneration })
    }
    expect(feed.revocationOf(sessionId(8))).toBeUndefined()
  })

  test('the feed is settled once it has read what it was woken for, and rejects until then', async () => {
    await feed.settle()
    expect(log.reads).toBe(0)
    log.setDown(true)
    commit(11)
    feed.wake()
    await expect(feed.settle()).rejects.toThrow()
    log.setDown(false)
    await feed.settle()
    expect(feed.revocationOf(sessionId(11))).toMatchObject({ seq: 1 })
    const { reads } = log
    await feed.settle()
    expect(log.reads).toBe(reads)
  })

  test('a read that began before the feed was woken does not settle it', async () => {
    const late = [() => commit(12), () => feed.wake()]
    feed.listen({
      revoked: () => {
        for (const run of late.splice(0)) run()
      },
      restarted: () => undefined,
    })
    commit(11)
    await feed.catchUp()
    await feed.settle()
    expect(feed.revocationOf(sessionId(12))).toBeDefined()
  })

  test('an end stays known while any row about it does, whichever expires first', async () => {
    log.commit(aRevocation(9, { expiresAt: at(30) }))
    await feed.catchUp()
    // The log was set back, and the session ended again by a clock that was set back too.
    log.setBackTo(0)
    log.commit(aRevocation(9, { expiresAt: at(5) }))
    await feed.catchUp()
    seconds = 10
    await feed.catchUp()
    expect(feed.revocationOf(sessionId(9))).toMatchObject({ upToGeneration: undefined })
  })

  test('the end of a session is known after an earlier cut-off has expired', async () => {
    log.commit({ ...cutOff(3), expiresAt: at(5) }, aRevocation(9, { expiresAt: at(30) }))
    await feed.catchUp()
    seconds = 10
    await feed.catchUp()
    expect(feed.revocationOf(sessionId(9))).toMatchObject({ upToGeneration: undefined })
  })
})

describe('a log that cannot be continued', () => {
  test('the feed restarts from a snapshot if rows were removed before it read them', async () => {
    const result = recordFault('retention overrun of the feed')
    commit(1)
    await feed.catchUp()
    commit(2, 3, 14)
    await log.number()
    log.removeExpired(at(5))
    await feed.catchUp()
    expect(received).toEqual([1, 'restarted', 4])
    expect(seqs(known())).toEqual([4])
    Object.assign(result, { rounds: 1, injected: 1 })
  })

  test('the feed rejects a log with a missing row, so that it does not seem complete', async () => {
    commit(11, 12, 13)
    await feed.catchUp()
    log.lose(4)
    commit(14, 15)
    await expect(feed.catchUp()).rejects.toThrow('has no row 4')
    expect(received).toEqual([1, 2, 3])
  })

  test('the feed rejects a log whose next row is missing', async () => {
    commit(11, 12, 13)
    await feed.catchUp()
    log.lose(4)
    commit(14)
    await expect(feed.catchUp()).rejects.toThrow('has no row 4')
  })

  test('the feed restarts from a snapshot if the log was restored from an old backup', async () => {
    commit(11, 12, 13)
    await feed.catchUp()
    log.setBackTo(1)
    await feed.catchUp()
    expect(received).toEqual([1, 2, 3, 'restarted'])
    expect(feed.current().place.seq).toBe(1)
    commit(15)
    await feed.catchUp()
    expect(received.slice(-1)).toEqual([2])
  })
})

describe('a log that was set back', { tags: ['FEED-1'] }, () => {
  const sessions = () => new Set(known().map((row) => row.sessionId))
  const ofSessions = (...numbers: number[]) => new Set(numbers.map(sessionId))

  test.each([1, 2, 3, 10, 600])(
    'the feed notices a log that was set back by two rows and overtaken by %i',
    async (count) => {
      commit(1001, 1002, 1003)
      await feed.catchUp()
      const { log: earlier } = log
      log.setBackTo(1)
      const added = Array.from({ length: count }, (_, at) => 2001 + at)
      commit(...added)
      await log.number()
      await feed.catchUp()
      expect(received.filter((each) => each === 'restarted')).toHaveLength(1)
      expect(log.log).not.toBe(earlier)
      expect(sessions()).toEqual(ofSessions(1001, 1002, 1003, ...added))
      expect(feed.since({ log: earlier, seq: 3, mark: undefined })).toBeUndefined()
    },
  )

  test('an instance that began after a removed row notices another row in its place', async () => {
    commit(1, 2, 3)
    await log.number()
    log.removeExpired(at(5))
    seconds = 5
    await feed.catchUp()
    expect(feed.current().place).toEqual({ log: log.log, seq: 3, mark: undefined })
    log.setBackTo(1)
    commit(21, 22, 23)
    await feed.catchUp()
    expect(sessions()).toEqual(ofSessions(21, 22, 23))
  })

  test('a reader after a removed row continues only where that row was not read either', async () => {
    commit(1, 2, 30)
    await feed.catchUp()
    const late = createRevocationFeed({ revocationLog: log, clock: { now: () => at(5) } })
    log.removeExpired(at(5))
    await late.catchUp()
    const place = { log: log.log, seq: 2, mark: undefined }
    expect(seqs(late.since(place))).toEqual([3])
    expect(feed.since(place)).toBeUndefined()
  })

  test('what the log lost stays known until it expires', async () => {
    commit(11, 12, 30)
    await feed.catchUp()
    log.setBackTo(1)
    await feed.catchUp()
    expect(known().map(({ seq, expiresAt }) => [seq, expiresAt])).toEqual([
      [0, at(12)],
      [0, at(30)],
      [1, at(11)],
    ])
    seconds = 12
    await feed.catchUp()
    expect(known().map(({ seq, expiresAt }) => [seq, expiresAt])).toEqual([[0, at(30)]])
  })

  test.each([0, 1, 499, 500, 501, 1_200, 1_699])(
    'of 1,700 rows, the feed keeps the %i that the log still has in their place',
    async (kept) => {
      commit(...Array.from({ length: 1_700 }, (_, index) => index + 1))
      await feed.catchUp()
      log.setBackTo(kept)
      commit(2_001, 2_002)
      await feed.catchUp()
      const { lost, blocks } = feed.current()
      expect(seqs(blocks.flat())).toEqual(Array.from({ length: kept + 2 }, (_, index) => index + 1))
      expect(seqs(lost.flat())).toEqual(Array.from({ length: 1_700 - kept }, (_, index) => kept + index + 1))
      expect(seqs(after(kept))).toEqual([kept + 1, kept + 2])
    },
  )

  test('the feed goes back also if the front of the log has expired, here or there', async () => {
    commit(1, 2, 13, 14, 15, 16)
    await feed.catchUp()
    seconds = 2
    await feed.catchUp()
    log.setBackTo(4)
    log.removeExpired(at(13))
    commit(27)
    await feed.catchUp()
    expect(seqs(known())).toEqual([0, 0, 3, 4, 5])
    log.setBackTo(1)
    commit(28)
    await feed.catchUp()
    expect(sessions()).toEqual(ofSessions(13, 14, 15, 16, 27, 28))
  })

  test('a failover that lost nothing restarts the readers, and the copy goes on', async () => {
    commit(11, 12)
    await feed.catchUp()
    log.changeLog()
    commit(13)
    expect(await feed.catchUp()).toEqual({ log: log.log, seq: 3, asOf: at(0) })
    expect(received).toEqual([1, 2, 'restarted', 3])
    expect(seqs(known())).toEqual([1, 2, 3])
  })

  test('rows that were committed to the other log are numbered before the feed is complete', async () => {
    await feed.catchUp()
    log.whenNumbered(() => {
      log.changeLog()
      commit(11)
    })
    expect((await feed.catchUp()).seq).toBe(1)
  })

  test('a reader whose last row has another mark gets a snapshot, at any instance', async () => {
    commit(11, 12, 13, 14)
    await feed.catchUp()
    const marks = known().map(({ mark }) => mark)
    expect(seqs(after(2, marks[1]))).toEqual([3, 4])
    expect(after(2, marks[2])).toBeUndefined()
    expect(after(0, marks[0])).toBeUndefined()
    expect(seqs(after(4, marks[3]))).toEqual([])
    seconds = 12
    await feed.catchUp()
    expect(seqs(after(2, marks[1]))).toEqual([3, 4])
    expect(after(2, marks[0])).toBeUndefined()
  })

  test('readers are continued anywhere in a long log, also after its front expired', async () => {
    const count = 1_700
    commit(...Array.from({ length: count }, (_, index) => index + 1))
    await feed.catchUp()
    for (const expired of [0, 3, 499, 500, 1_203, 1_700]) {
      seconds = expired
      await feed.catchUp()
      for (const seq of [expired, expired + 1, 999, 1_000, 1_001, 1_699, 1_700]) {
        const covered = seq >= expired && seq <= count
        const rest = Array.from({ length: count - seq }, (_, index) => seq + index + 1)
        expect(seqs(after(seq, seq > 0 ? seq : undefined)), `after ${seq}`).toEqual(
          covered ? rest : undefined,
        )
      }
    }
  })
})

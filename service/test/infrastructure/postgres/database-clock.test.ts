import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { DatabaseClock } from '../../../src/infrastructure/postgres/database-clock.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

const MINUTE = 60_000

// The server has a clock of its own, which faking this process's Date does not move.
describe('the database clock', () => {
  let store: PostgresStore

  beforeAll(async () => {
    store = await openOnServer(1)
  })
  afterEach(() => vi.useRealTimers())
  afterAll(() => store.close())

  const setLocalClockOff = (milliseconds: number): void => {
    const wrong = Date.now() + milliseconds
    vi.useFakeTimers({ toFake: ['Date'], now: wrong })
  }

  async function serverTime(): Promise<number> {
    const { rows } = await store.pool.query<{ now: Date }>('select clock_timestamp() as now')
    return +(rows[0]?.now ?? 0)
  }

  /** How far `clock` may be from the server at most: everything that happened since `began` took no longer. */
  const expectServerTime = async (clock: DatabaseClock, began: number): Promise<void> => {
    const difference = +clock.now() - (await serverTime())
    expect(Math.abs(difference)).toBeLessThanOrEqual(performance.now() - began + 2)
  }

  test.each([7, -7, 60 * 24])(
    'gives the time of the database when the local clock is off by %i minutes',
    async (minutes) => {
      setLocalClockOff(minutes * MINUTE)
      const clock = new DatabaseClock(store.db)
      const began = performance.now()
      await clock.synchronise()
      await expectServerTime(clock, began)
    },
  )

  test('does not notice when the local clock is set while it runs', async () => {
    const clock = new DatabaseClock(store.db)
    await clock.synchronise()
    const [before, began] = [+clock.now(), performance.now()]
    setLocalClockOff(7 * MINUTE)
    const gone = +clock.now() - before
    expect(gone).toBeGreaterThanOrEqual(0)
    expect(gone).toBeLessThanOrEqual(performance.now() - began + 1)
  })

  test('gives the local time as long as it knows no other', () => {
    expect(Math.abs(+new DatabaseClock(store.db).now() - Date.now())).toBeLessThan(MINUTE)
  })

  describe('that goes on with a clock of this process', () => {
    let elapsedMs: number
    let answerTakesMs: number
    let clock: DatabaseClock

    /** Each comparison looks twice: the second time, `answerTakesMs` have passed. */
    beforeEach(() => {
      elapsedMs = 1_000_000
      answerTakesMs = 0
      clock = new DatabaseClock(store.db, () => {
        elapsedMs += answerTakesMs
        return elapsedMs
      })
    })
    const compare = async (takesMs: number): Promise<void> => {
      answerTakesMs = takesMs
      await clock.synchronise()
      answerTakesMs = 0
    }

    test('carries the time on by it', async () => {
      await compare(10)
      const before = +clock.now()
      elapsedMs += 1234
      expect(+clock.now() - before).toBe(1234)
    })

    test('follows the database when the two drift apart', async () => {
      await compare(10)
      elapsedMs -= 7 * MINUTE
      const began = performance.now()
      await compare(10)
      await expectServerTime(clock, began - 10)
    })

    test('takes the middle of asking and hearing for the moment of the answer', async () => {
      const began = performance.now()
      await compare(400)
      elapsedMs -= 200
      await expectServerTime(clock, began)
    })

    test('overlooks a slow answer', async () => {
      await compare(500)
      const before = +clock.now()
      await compare(501)
      expect(+clock.now() - before).toBe(2 * 501)
    })

    test('makes do with a slow answer until there is a better one', async () => {
      const began = performance.now()
      await compare(60 * MINUTE)
      elapsedMs -= 30 * MINUTE
      await expectServerTime(clock, began)
      elapsedMs += 30 * MINUTE
      await compare(10)
      await expectServerTime(clock, began - 10)
    })
  })

  test('keeps what it knew when the database cannot be asked', async () => {
    const other = await openOnServer(1)
    const clock = new DatabaseClock(other.db)
    setLocalClockOff(7 * MINUTE)
    const began = performance.now()
    await clock.synchronise()
    await other.close()
    await expect(clock.synchronise()).rejects.toThrow()
    await expectServerTime(clock, began)
  })
})

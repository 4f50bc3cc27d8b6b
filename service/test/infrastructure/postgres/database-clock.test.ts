import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
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

  test('follows a local clock that is set while it runs, from the next comparison on', async () => {
    const clock = new DatabaseClock(store.db)
    await clock.synchronise()
    setLocalClockOff(7 * MINUTE)
    const began = performance.now()
    await clock.synchronise()
    await expectServerTime(clock, began)
  })

  test('goes on with the local clock between comparisons', async () => {
    const clock = new DatabaseClock(store.db)
    await clock.synchronise()
    setLocalClockOff(0)
    const before = +clock.now()
    vi.setSystemTime(Date.now() + 1234)
    expect(+clock.now() - before).toBe(1234)
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

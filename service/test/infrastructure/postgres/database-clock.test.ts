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

  /** The greatest possible distance of `clock` from the server: the time since `began`. */
  const expectServerTime = async (clock: DatabaseClock, began: number): Promise<void> => {
    const difference = +clock.now() - (await serverTime())
    expect(Math.abs(difference)).toBeLessThanOrEqual(performance.now() - began + 2)
  }

  test.each([7, -7, 60 * 24])(
    'the database clock gives the database’s time if the local clock is %i minutes off',
    async (minutes) => {
      setLocalClockOff(minutes * MINUTE)
      const clock = new DatabaseClock(store.db)
      const began = performance.now()
      await clock.synchronise()
      await expectServerTime(clock, began)
    },
  )

  test('the database clock is not affected if the local clock is set while it runs', async () => {
    const clock = new DatabaseClock(store.db)
    await clock.synchronise()
    const [before, began] = [+clock.now(), performance.now()]
    setLocalClockOff(7 * MINUTE)
    const gone = +clock.now() - before
    expect(gone).toBeGreaterThanOrEqual(0)
    expect(gone).toBeLessThanOrEqual(performance.now() - began + 1)
  })

  test('the database clock gives the local time until the first comparison', () => {
    expect(Math.abs(+new DatabaseClock(store.db).now() - Date.now())).toBeLessThan(MINUTE)
  })

  describe('with a controlled clock of the process', () => {
    let elapsedMs: number
    let responseTakesMs: number
    let clock: DatabaseClock

    /** Each comparison reads the clock twice. The second time, `responseTakesMs` have passed. */
    beforeEach(() => {
      elapsedMs = 1_000_000
      responseTakesMs = 0
      clock = new DatabaseClock(store.db, () => {
        elapsedMs += responseTakesMs
        return elapsedMs
      })
    })
    const compare = async (takesMs: number): Promise<void> => {
      responseTakesMs = takesMs
      await clock.synchronise()
      responseTakesMs = 0
    }

    test('the database clock continues the time by the clock of the process', async () => {
      await compare(10)
      const before = +clock.now()
      elapsedMs += 1234
      expect(+clock.now() - before).toBe(1234)
    })

    test('the database clock follows the database when the two clocks drift apart', async () => {
      await compare(10)
      elapsedMs -= 7 * MINUTE
      const began = performance.now()
      await compare(10)
      await expectServerTime(clock, began - 10)
    })

    test('the database clock assumes that the database read its clock halfway through the call', async () => {
      const began = performance.now()
      await compare(400)
      elapsedMs -= 200
      await expectServerTime(clock, began)
    })

    test('the database clock ignores a slow response', async () => {
      await compare(500)
      const before = +clock.now()
      await compare(501)
      expect(+clock.now() - before).toBe(2 * 501)
    })

    test('the database clock uses a slow response until there is a faster one', async () => {
      const began = performance.now()
      await compare(60 * MINUTE)
      elapsedMs -= 30 * MINUTE
      await expectServerTime(clock, began)
      elapsedMs += 30 * MINUTE
      await compare(10)
      await expectServerTime(clock, began - 10)
    })
  })

  describe('with a database that shows any time', () => {
    let other: PostgresStore

    /** A function that is found before PostgreSQL's own. */
    beforeAll(async () => {
      other = await openOnServer(1)
      await other.pool.query(`create schema shown; set search_path = shown, pg_catalog, public`)
    })
    afterAll(() => other.close())

    const show = (time: string) =>
      other.pool.query(
        `create or replace function shown.clock_timestamp() returns timestamptz language sql as $$ select ${time}::timestamptz $$`,
      )

    test.each([`'1970-01-01'`, `'2000-01-01'`, `'2110-01-01'`])(
      'the database clock never takes the time %s, and keeps the one it has',
      { tags: ['OPS-13'] },
      async (time) => {
        const clock = new DatabaseClock(other.db)
        await show('pg_catalog.clock_timestamp()')
        await clock.synchronise()
        const began = performance.now()
        await show(time)
        await expect(clock.synchronise()).rejects.toThrow(
          /^The clock of the database shows .*\. Set it right\.$/,
        )
        await expectServerTime(clock, began)
      },
    )

    test('the database clock is right under any form of dates and numbers', async () => {
      await show('pg_catalog.clock_timestamp()')
      await other.pool.query(
        `set datestyle = 'German'; set timezone = 'Asia/Kathmandu'; set extra_float_digits = -15`,
      )
      const clock = new DatabaseClock(other.db)
      const began = performance.now()
      await clock.synchronise()
      await expectServerTime(clock, began)
    })
  })

  test('the database clock keeps its time if the database is unreachable', async () => {
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

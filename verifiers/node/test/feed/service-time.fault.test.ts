import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServiceTime } from '../../src/feed/service-time.ts'

const MAX = 5_000
/** The service's clock minus ours: nothing of what follows may depend on it. */
const epoch = Date.UTC(2026, 10, 23)

describe('what is known', () => {
  test('knowledge is infinitely old before the first event', () => {
    const time = new ServiceTime(MAX)
    expect(time.stalenessMs(1e12)).toBe(Infinity)
    expect(time.now(1)).toBeUndefined()
    time.completeUpTo(epoch, 1)
    expect(time.stalenessMs(1)).toBe(Infinity)
  })

  test('knowledge from the first response is as old as its request', () => {
    const time = new ServiceTime(MAX)
    time.beginConnection(100)
    time.observe(epoch + 100, 900)
    time.completeUpTo(epoch + 100, 900)
    expect(time.stalenessMs(900)).toBe(800)
  })

  test('knowledge ages by the delay of a stream, even if events arrive steadily', () => {
    const time = new ServiceTime(MAX)
    time.beginConnection(0)
    for (let second = 0; second <= 8; second += 1) {
      // Each event takes 300 ms longer than the one before.
      const arrivedAt = second * 1_300
      expect(time.observe(epoch + second * 1_000, arrivedAt)).toBe('good')
      time.completeUpTo(epoch + second * 1_000, arrivedAt)
      expect(time.stalenessMs(arrivedAt)).toBe(second * 300)
    }
    expect(time.observe(epoch + 9_000, 9 * 1_300)).toBe('measure_again')
  })

  test('a service clock that is set forward does not make knowledge younger', () => {
    const time = new ServiceTime(MAX)
    time.beginConnection(0)
    time.observe(epoch, 0)
    time.completeUpTo(epoch, 0)
    expect(time.observe(epoch + 300_000, 1_000)).toBe('measure_again')
    expect(time.stalenessMs(1_000)).toBe(1_000)
    expect(time.now(1_000)).toBe(epoch + 1_000)
  })

  test('the next connection measures the service’s time again, with any clock', () => {
    const time = new ServiceTime(MAX)
    time.beginConnection(0)
    time.observe(epoch, 10)
    time.completeUpTo(epoch, 10)
    time.beginConnection(2_000)
    expect(time.observe(epoch - 300_000, 2_010)).toBe('good')
    time.completeUpTo(epoch - 300_000, 2_010)
    expect(time.stalenessMs(2_010)).toBe(10)
    expect(time.now(2_010)).toBe(epoch - 299_990)
  })

  test('a late older event never makes knowledge older', () => {
    const time = new ServiceTime(MAX)
    time.beginConnection(0)
    time.observe(epoch + 1_000, 1_000)
    time.completeUpTo(epoch + 1_000, 1_000)
    time.completeUpTo(epoch, 1_001)
    expect(time.stalenessMs(1_001)).toBe(1_001)
  })

  test('the service’s time follows clocks that drift in both directions', () => {
    for (const rate of [1.0001, 0.9999]) {
      const time = new ServiceTime(MAX)
      time.beginConnection(0)
      let connections = 1
      for (let second = 0; second <= 7 * 86_400; second += 10) {
        const arrivedAt = second * 1_000
        const serverTime = epoch + arrivedAt * rate
        if (time.observe(serverTime, arrivedAt) === 'measure_again') {
          connections += 1
          time.beginConnection(arrivedAt)
          time.observe(serverTime, arrivedAt)
        }
        time.completeUpTo(serverTime, arrivedAt)
        expect(time.stalenessMs(arrivedAt)).toBeLessThan(MAX / 2 + 10)
      }
      expect(connections).toBeLessThan(30)
    }
  })

  test('knowledge shows its age after the service’s clock has slowly gained on ours', () => {
    const time = new ServiceTime(MAX)
    time.beginConnection(0)
    for (let second = 0; second <= 2_000; second += 1) time.observe(epoch + second * 1_001, second * 1_000)
    const arrivedAt = 2_000_000 + 1_000
    expect(time.observe(epoch + 2_000 * 1_001, arrivedAt)).toBe('good')
    time.completeUpTo(epoch + 2_000 * 1_001, arrivedAt)
    expect(time.stalenessMs(arrivedAt)).toBe(1_000)
  })

  test('knowledge never looks younger than it is, whatever the network does', () => {
    const delay = fc.integer({ min: 0, max: 20_000 })
    fc.assert(
      fc.property(
        delay,
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), delay), { maxLength: 30 }),
        (first, events) => {
          const time = new ServiceTime(MAX)
          time.beginConnection(0)
          let [readAt, arrivedAt] = [first, first]
          let newest = -Infinity
          for (const [gap, held] of [[0, 0] as const, ...events]) {
            readAt += gap
            // In order, as in any stream of bytes.
            arrivedAt = Math.max(arrivedAt, readAt + held)
            if (time.observe(epoch + readAt, arrivedAt) === 'good') {
              time.completeUpTo(epoch + readAt, arrivedAt)
              newest = readAt
            }
            expect(time.stalenessMs(arrivedAt)).toBeGreaterThanOrEqual(arrivedAt - newest)
            // Expiry is never detected late, and at most one round trip early.
            expect(time.now(arrivedAt)).toBeGreaterThanOrEqual(epoch + arrivedAt)
            expect(time.now(arrivedAt)).toBeLessThanOrEqual(epoch + arrivedAt + first)
          }
        },
      ),
    )
  })
})

import { describe, expect, test } from 'vitest'
import { ATTEMPTS_AT_MOST, CLAIM_SECONDS, nextAttempt } from '../../src/domain/delivery.ts'
import { at, DAY, HOUR, noon } from '../support/builders.ts'

/** The waits after each failure, in seconds. */
const waits = (chance: number): number[] =>
  Array.from({ length: ATTEMPTS_AT_MOST - 1 }, (_, at) => {
    const next = nextAttempt(at + 1, noon, chance)
    return next === undefined ? NaN : (+next - +noon) / 1000
  })

describe('a delivery that failed', () => {
  test('a failed delivery is retried after 5 seconds, then twice as long each time up to an hour', () => {
    expect(waits(0).slice(0, 5)).toEqual([5, 10, 20, 40, 80])
    expect(waits(0).slice(-8)).toEqual(Array.from({ length: 8 }, () => HOUR))
    for (const [at, wait] of waits(0).entries()) expect(wait).toBe(Math.min(5 * 2 ** at, HOUR))
  })

  test('jitter shortens the wait before a retry of a delivery by up to half', () => {
    for (const [at, wait] of waits(1).entries()) expect(wait).toBe((waits(0)[at] ?? 0) / 2)
    expect(nextAttempt(1, noon, 0.5)).toEqual(at(3.75))
  })

  test('a failed delivery becomes a dead letter after about three days, at least half of that', () => {
    const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0)
    expect(sum(waits(0)) / DAY).toBeCloseTo(2.7, 1)
    expect(sum(waits(1)) / DAY).toBeGreaterThan(1)
    expect(nextAttempt(ATTEMPTS_AT_MOST, noon, 0)).toBeUndefined()
    expect(nextAttempt(ATTEMPTS_AT_MOST + 1, noon, 0)).toBeUndefined()
  })
})

test('the lease on a delivery outlasts an attempt of 5 seconds and two slow database calls', () => {
  expect(CLAIM_SECONDS).toBeGreaterThan(5 + 2 * 3.5)
})

import { expect, test } from 'vitest'
import { chanceGreater, latency, median, percentiles, spread } from '../src/statistics.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => count - index)

test('a percentile is the smallest value with that share at or below it', () => {
  expect(percentiles(upTo(100), [0, 0.5, 0.9, 0.99, 1])).toEqual([1, 50, 90, 99, 100])
  expect(percentiles([7], [0, 0.5, 1])).toEqual([7, 7, 7])
})

test('numbers are compared as numbers', () => {
  expect(median([9, 10, 100])).toBe(10)
  expect(spread([100, 9, 10])).toEqual({ p10: 9, median: 10, p90: 100 })
})

test('a slow few show in the tail and nowhere else', () => {
  const numbers = [...Array.from({ length: 980 }, () => 1), ...Array.from({ length: 20 }, () => 500)]
  expect(latency(numbers)).toEqual({ count: 1_000, p50: 1, p90: 1, p99: 500, max: 500 })
})

test('percentiles of nothing are NaN', () => {
  expect(median([])).toBeNaN()
})

test('the chance that one kind is greater is a half for equal kinds, and 0 or 1 for separate ones', () => {
  expect(chanceGreater(upTo(100), upTo(100))).toBe(0.5)
  expect(chanceGreater([5, 6], [1, 2, 3])).toBe(1)
  expect(chanceGreater([1, 2, 3], [5, 6])).toBe(0)
  expect(chanceGreater([2, 4], [1, 2, 3, 5])).toBe((1.5 + 3) / 8)
})

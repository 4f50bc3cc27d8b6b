import { expect, test } from 'vitest'
import { latency, median, percentiles, spread } from '../src/statistics.ts'

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

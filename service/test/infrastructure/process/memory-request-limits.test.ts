import { expect, test } from 'vitest'
import type { RequestLimit } from '../../../src/application/ports/request-limits.ts'
import { MemoryRequestLimits } from '../../../src/infrastructure/process/memory-request-limits.ts'
import { at } from '../../support/builders.ts'

const limit: RequestLimit = { key: 'search:1', perMinute: 3 }

test('requests over the limit are refused until the minute is over', { tags: ['LIMIT-9'] }, () => {
  const limits = new MemoryRequestLimits()
  for (let n = 0; n < 3; n += 1) limits.count(limit, at(10))
  for (const [second, retryAfterSeconds] of [
    [10, 50],
    [59.5, 1],
  ] as const) {
    expect(() => limits.count(limit, at(second))).toThrow(
      expect.objectContaining({ code: 'too_many_attempts', details: { retryAfterSeconds } }) as Error,
    )
  }
  for (let n = 0; n < 3; n += 1) limits.count(limit, at(60))
  expect(() => limits.count(limit, at(60))).toThrow()
})

test('each key has a limit of its own', () => {
  const limits = new MemoryRequestLimits()
  for (let n = 0; n < 3; n += 1) limits.count(limit, at(0))
  limits.count({ ...limit, key: 'search:2' }, at(0))
  expect(() => limits.count(limit, at(0))).toThrow()
})

test('a clock that is set back begins a new minute', () => {
  const limits = new MemoryRequestLimits()
  for (let n = 0; n < 3; n += 1) limits.count(limit, at(600))
  limits.count(limit, at(0))
})

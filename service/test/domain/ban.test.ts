import { expect, test } from 'vitest'
import { checkUntil, isInForce, isSameBan } from '../../src/domain/ban.ts'
import { aBan, at, noon } from '../support/builders.ts'

test('a ban is in force until its end, and without an end for ever', { tags: ['BAN-1'] }, () => {
  expect([at(8), at(9), at(10)].map((now) => isInForce(aBan({ until: at(9) }), now))).toEqual([
    true,
    false,
    false,
  ])
  expect(isInForce(aBan(), at(1e10))).toBe(true)
})

test('a ban that began ahead of the clock is in force', { tags: ['BAN-1'] }, () => {
  expect(isInForce(aBan({ since: at(9) }), at(0))).toBe(true)
})

test.each([new Date(+noon + 1), new Date('2036-03-01T12:00:00Z')])('a ban may end at %s', (until) => {
  expect(checkUntil(until, noon)).toBe(until)
})

test.each([noon, new Date(+noon - 1), new Date('2036-03-01T12:00:00.001Z'), new Date('never')])(
  'a ban may not end at %s',
  (until) => {
    expect(() => checkUntil(until, noon)).toThrow(expect.objectContaining({ code: 'out_of_range' }))
  },
)

test('bans are the same if reasons and end are, whenever they began', () => {
  const ban = aBan({ publicReason: 'Advertisements', until: at(9) })
  expect(isSameBan(ban, { ...ban, since: at(3), until: new Date(at(9)) })).toBe(true)
  for (const changes of [{ reason: '' }, { publicReason: undefined }, { until: at(8) }, { until: undefined }])
    expect(isSameBan(ban, { ...ban, ...changes })).toBe(false)
})

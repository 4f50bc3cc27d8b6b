import { expect, test } from 'vitest'
import { heartbeatEvent, readPlace } from '../../../../src/interface-adapters/http/internal/feed-events.ts'
import { at } from '../../../support/builders.ts'

const idOf = (mark: number | undefined): string =>
  /^id: (.*)$/m.exec(heartbeatEvent({ log: '5f1c0a9d27e4.1', seq: 42, mark }, at(0)))?.[1] ?? ''

test.each([7, undefined])('the id of an event names its place in the log, with the mark %s', (mark) => {
  expect(readPlace(idOf(mark))).toEqual({ log: '5f1c0a9d27e4.1', seq: 42, mark })
})

test('an id without a mark fits any row with its seq', () => {
  expect(readPlace('5f1c0a9d27e4.1:42')).toEqual({ log: '5f1c0a9d27e4.1', seq: 42, mark: 'any' })
})

test.each(['', '42', ':42', 'log:', 'log:-1', 'log:1:any', 'log:1:--', 'log:1:2:3', `${'x'.repeat(41)}:1`])(
  'the id %j names no place',
  (id) => expect(readPlace(id)).toBeUndefined(),
)

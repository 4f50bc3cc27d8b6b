import { expect, test } from 'vitest'
import { readKnownChange } from '../../../src/interface-adapters/cli/read-known-change.ts'
import { sessionId } from '../../support/builders.ts'

const ended = { user_id: 7, session_id: sessionId(1), reason: 'signed_out' }
const logLine = (event: string, data: object): string => JSON.stringify({ level: 'info', event, ...data })
const webhook = (type: string, data: object): string => JSON.stringify({ type, data })

test.each([
  ['a log line', logLine],
  ['a webhook', webhook],
])('changes are read from %s', (_, line) => {
  expect(readKnownChange(line('session.ended', ended))).toEqual({
    kind: 'ended',
    userId: 7,
    id: sessionId(1),
    reason: 'signed_out',
  })
  expect(readKnownChange(line('user.disabled', { user_id: 7, reason: 'Spam' }))).toEqual({
    kind: 'disabled',
    userId: 7,
    ban: { reason: 'Spam', publicReason: undefined, until: undefined },
  })
  expect(readKnownChange(line('user.enabled', { user_id: 7 }))).toEqual({ kind: 'enabled', userId: 7 })
})

test('a ban is read with its reasons and its end', { tags: ['BAN-5'] }, () => {
  const until = '2026-03-08T12:00:00.000Z'
  const ban = (data: object) =>
    readKnownChange(logLine('user.disabled', { user_id: 7, reason: 'Spam', public_reason: 'Ads', ...data }))
  expect(ban({ until })).toMatchObject({ ban: { publicReason: 'Ads', until: new Date(until) } })
  for (const wrong of [null, 7, 'soon', {}])
    expect(ban({ until: wrong })).toMatchObject({ ban: { publicReason: 'Ads', until: undefined } })
})

test.each([
  ['an expired session', logLine('session.ended', { ...ended, reason: 'expired' })],
  ['an unknown reason', logLine('session.ended', { ...ended, reason: 'tired' })],
  ['a session id that is none', logLine('session.ended', { ...ended, session_id: 'x' })],
  ['a user id that is none', logLine('user.enabled', { user_id: 'ann' })],
  ['another event', logLine('http.request', ended)],
  ['text', 'Starting …'],
  ['null', 'null'],
  ['a list', '[]'],
  ['an empty line', ''],
])('%s is not a change to repeat', (_, line) => {
  expect(readKnownChange(line)).toBeUndefined()
})

import { describe, expect, test } from 'vitest'
import { activityOf } from '../../../src/application/audit/activity.ts'
import type { RecordedEntry } from '../../../src/application/ports/audit-log.ts'
import type { Actor } from '../../../src/domain/actor.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { at, sessionId } from '../../support/builders.ts'

const anna = 17 as UserId
const place = { session: sessionId(1), ip: '203.0.113.7', userAgent: 'Firefox' }

const entry = (actor: Actor | undefined, action: string, data: object = {}): RecordedEntry => ({
  id: 1,
  at: at(0),
  actor,
  action,
  subject: anna,
  ...place,
  requestId: 'a-request',
  result: 'success',
  data: { ...data },
})
const shown = (given: RecordedEntry) => activityOf(given, anna)

describe('an entry of the audit log, as its user sees it', () => {
  test('what the user did has its place', { tags: ['AUDIT-6'] }, () => {
    expect(shown(entry('user:17', 'session.created'))).toEqual({
      id: 1,
      at: at(0),
      actor: 'self',
      action: 'session.created',
      ...place,
      result: 'success',
      data: {},
    })
  })

  test('an attempt by somebody who is not signed in has its place', { tags: ['AUDIT-6'] }, () => {
    expect(shown(entry(undefined, 'sign_in.refused'))).toMatchObject({ actor: undefined, ...place })
  })

  test.each([
    ['service:ops', 'operator'],
    ['user:18', 'operator'],
    ['system', 'system'],
  ] as const)('what %s did shows neither their place nor their words', { tags: ['AUDIT-6'] }, (actor, by) => {
    const data = { reason: 'Spam', public_reason: 'You sent advertisements.' }
    expect(shown(entry(actor, 'user.disabled', data))).toEqual({
      id: 1,
      at: at(0),
      actor: by,
      action: 'user.disabled',
      result: 'success',
      data: { public_reason: 'You sent advertisements.' },
    })
  })

  test('the session that an operator ended is shown, and not the one of the operator', () => {
    const ended = shown(entry('user:18', 'session.ended', { reason: 'terminated_by_admin' }))
    expect(ended).toMatchObject({ session: sessionId(1), data: { reason: 'terminated_by_admin' } })
    expect(ended).not.toHaveProperty('ip')
    expect(shown(entry('user:18', 'user.roles_changed'))).not.toHaveProperty('session')
  })
})

import { expect, test } from 'vitest'
import { sessionEnded, userDisabled } from '../../src/domain/event.ts'
import { redacted } from '../../src/domain/personal-fields.ts'
import { aBan, aSession, at, aUser } from '../support/builders.ts'

test('a redacted event keeps its type and time and loses its personal fields', () => {
  const event = userDisabled(aUser().id, aBan({ reason: 'Anna of Example Street', since: at(1) }))
  expect(redacted(event)).toEqual({ ...event, data: { reason: null, public_reason: null, until: null } })
})

test('redacting keeps the reason a session ended for, since it is not personal', () => {
  const event = sessionEnded(aSession({ endReason: 'signed_out' }), at(1))
  expect(redacted(event)).toEqual(event)
})

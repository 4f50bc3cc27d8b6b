import { expect, test } from 'vitest'
import { sessionEnded, userDisabled } from '../../src/domain/event.ts'
import { scrubbed } from '../../src/domain/personal-fields.ts'
import { aSession, aUser, at } from '../support/builders.ts'

test('a scrubbed event says what happened and when, and no longer to whom', () => {
  const event = userDisabled(aUser(), 'Anna of Example Street', at(1))
  expect(scrubbed(event)).toEqual({ ...event, data: { reason: null } })
})

test('the reason for which a session ended is a word of ours, and stays', () => {
  const event = sessionEnded(aSession({ endReason: 'signed_out' }), at(1))
  expect(scrubbed(event)).toEqual(event)
})

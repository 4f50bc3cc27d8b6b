import { expect, test } from 'vitest'
import { dataForUser } from '../../src/domain/data-for-user.ts'
import { userCreated, userDisabled, userEnabled } from '../../src/domain/event.ts'
import { aBan, at, aUser } from '../support/builders.ts'

test(
  'users see what a ban says to them, and not what operators wrote for each other',
  { tags: ['BAN-2'] },
  () => {
    const ban = userDisabled(aUser().id, aBan({ publicReason: 'Advertisements', until: at(9) }))
    expect(dataForUser(ban.type, ban.data)).toEqual({
      public_reason: 'Advertisements',
      until: at(9).toISOString(),
    })
    const lifted = userEnabled(aUser().id, 'Appeal accepted', at(0))
    expect(dataForUser(lifted.type, lifted.data)).toEqual({})
  },
)

test('users see all data of other events', () => {
  const { type, data } = userCreated(aUser())
  expect(dataForUser(type, data)).toEqual(data)
})

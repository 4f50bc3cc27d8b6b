import { describe, expect, test } from 'vitest'
import { hasRoleFor, mayChange, type OperatorChange } from '../../src/domain/operator.ts'
import { SCOPES } from '../../src/domain/service-key.ts'
import { aUser } from '../support/builders.ts'
import type { UserId } from '../../src/domain/user.ts'

const changes: readonly OperatorChange[] = ['disable', 'enable', 'end_sessions', 'set_roles']
const person = (id: number, ...roles: string[]) => ({ ...aUser(), id: id as UserId, roles })

const allowed = (operator: ReturnType<typeof person>, target: ReturnType<typeof person> | undefined) =>
  changes.filter((change) => mayChange(operator, target, change))

describe('a signed-in operator', () => {
  test.each([
    ['a user', [], []],
    ['a user with another role', ['artist'], []],
    ['a moderator', ['moderator'], ['users:read', 'moderate']],
    ['an admin', ['admin'], ['users:read', 'moderate', 'roles', 'audit']],
  ])('%s has the scopes of the roles', { tags: ['ADMIN-1'] }, (_, roles, scopes) => {
    expect(SCOPES.filter((scope) => hasRoleFor(scope, { roles }))).toEqual(scopes)
  })

  test.each([
    ['a user', [], [], []],
    ['a moderator', ['moderator'], [], ['disable', 'enable', 'end_sessions']],
    ['a moderator', ['moderator'], ['artist'], ['disable', 'enable', 'end_sessions']],
    ['a moderator', ['moderator'], ['moderator'], []],
    ['a moderator', ['moderator'], ['admin'], []],
    ['an admin', ['admin'], [], changes],
    ['an admin', ['admin'], ['moderator'], changes],
    ['an admin', ['admin'], ['admin'], changes],
  ])(
    '%s with the roles %j makes these changes to a user with the roles %j',
    { tags: ['ADMIN-2'] },
    (_, own, theirs, expected) => {
      expect(allowed(person(1, ...own), person(2, ...theirs))).toEqual(expected)
    },
  )

  test('nobody bans themselves or sets their own roles', () => {
    expect(allowed(person(1, 'admin'), person(1, 'admin'))).toEqual(['end_sessions'])
    expect(allowed(person(1, 'moderator'), person(1, 'moderator'))).toEqual(['end_sessions'])
  })

  test('without a target, the role alone decides', () => {
    expect(allowed(person(1, 'moderator'), undefined)).toEqual(['disable', 'enable', 'end_sessions'])
    expect(allowed(person(1), undefined)).toEqual([])
  })
})

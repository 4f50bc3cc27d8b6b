import { describe, expect, test } from 'vitest'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import type { PasswordHash } from '../../src/domain/password.ts'
import {
  changeEmail,
  changePassword,
  disable,
  enable,
  isDisabled,
  parseUserId,
  registerUser,
} from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { aBan, at, aUser, noon } from '../support/builders.ts'

describe('a user id', () => {
  test.each([
    [1, 1],
    ['1', 1],
    ['42', 42],
    [9007199254740991, 9007199254740991],
    ['9007199254740991', 9007199254740991],
  ])('%j is read as the user id %d', (value, id) => {
    expect(parseUserId(value)).toBe(id)
  })

  test.each([
    [0],
    [-0],
    [-1],
    [1.5],
    [NaN],
    [Infinity],
    [9007199254740992],
    ['9007199254740992'],
    ['9007199254740993'],
    ['99999999999999999999'],
    ['1'.repeat(100_000)],
    [''],
    ['0'],
    ['00'],
    ['01'],
    ['+1'],
    ['-1'],
    [' 1'],
    ['1 '],
    ['1\n'],
    ['1.0'],
    ['1e3'],
    ['0x10'],
    ['1_000'],
    ['１'],
    ['١'],
    ['me'],
    [null],
    [undefined],
    [true],
    [[1]],
    [['1']],
    [{}],
    [1n],
    [new Date(5)],
  ])('a value that cannot be a user id is undefined (%#)', (value) => {
    expect(parseUserId(value)).toBeUndefined()
  })
})

describe('a user', () => {
  const name = parseUsername('anna')
  const email = parseEmailAddress('anna@example.org')

  test('a new user has no roles and an unverified email address', () => {
    expect(registerUser(name, email, 'hash' as PasswordHash, noon)).toEqual({
      username: name,
      email,
      emailVerified: false,
      emailVersion: 1,
      passwordHash: 'hash',
      passwordVersion: 1,
      factors: [],
      factorsVersion: 1,
      roles: [],
      createdAt: noon,
      ban: undefined,
    })
  })

  test('a changed email address is unverified, and outdates links for it and for the password', () => {
    const other = parseEmailAddress('anna@example.com')
    expect(changeEmail(aUser({ emailVerified: true }), other)).toEqual(
      aUser({ email: other, emailVerified: false, emailVersion: 2, passwordVersion: 2 }),
    )
  })

  test('respelling an email address does not change whether it is verified', () => {
    const respelled = parseEmailAddress('Anna@EXAMPLE.org')
    expect(changeEmail(aUser({ emailVerified: true }), respelled)).toEqual(
      aUser({ email: respelled, emailVerified: true, emailVersion: 2 }),
    )
    expect(changeEmail(aUser(), respelled).emailVerified).toBe(false)
  })

  test('changing the password increases the password version by one', () => {
    const changed = changePassword(aUser({ passwordVersion: 3 }), 'new' as PasswordHash)
    expect(changed).toEqual(aUser({ passwordHash: 'new' as PasswordHash, passwordVersion: 4 }))
  })

  test('a ban replaces an earlier one', () => {
    const banned = disable(aUser(), aBan({ until: at(5) }))
    const longer = aBan({ reason: 'Spam again', since: at(3), until: at(9) })
    expect(disable(banned, longer)).toEqual(aUser({ ban: longer }))
  })

  test('a user is disabled from the ban until it ends or is lifted', () => {
    const banned = disable(aUser(), aBan({ until: at(5) }))
    expect(isDisabled(aUser(), at(0))).toBe(false)
    expect([at(0), at(4), at(5)].map((now) => isDisabled(banned, now))).toEqual([true, true, false])
    expect(isDisabled(disable(aUser(), aBan()), at(1e9))).toBe(true)
    expect(enable(banned)).toEqual(aUser())
  })
})

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
import { aUser, at, noon } from '../support/builders.ts'

describe('a user id', () => {
  test.each([
    [1, 1],
    ['1', 1],
    ['42', 42],
    [9007199254740991, 9007199254740991],
    ['9007199254740991', 9007199254740991],
  ])('%j is %d', (value, id) => {
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
  ])('a value that cannot be one is none (%#)', (value) => {
    expect(parseUserId(value)).toBeUndefined()
  })
})

describe('a person', () => {
  const name = parseUsername('anna')
  const email = parseEmailAddress('anna@example.org')

  test('who registers has no roles and an address yet to be verified', () => {
    expect(registerUser(name, email, 'hash' as PasswordHash, noon)).toEqual({
      username: name,
      email,
      emailVerified: false,
      passwordHash: 'hash',
      passwordVersion: 1,
      roles: [],
      createdAt: noon,
      disabledAt: undefined,
      disabledReason: undefined,
    })
  })

  test('has to verify a new address anew', () => {
    const other = parseEmailAddress('anna@example.com')
    expect(changeEmail(aUser({ emailVerified: true }), other)).toEqual(
      aUser({ email: other, emailVerified: false }),
    )
  })

  test('has verified the same address in another spelling, and not by spelling it anew', () => {
    const respelled = parseEmailAddress('Anna@EXAMPLE.org')
    expect(changeEmail(aUser({ emailVerified: true }), respelled)).toEqual(
      aUser({ email: respelled, emailVerified: true }),
    )
    expect(changeEmail(aUser(), respelled).emailVerified).toBe(false)
  })

  test('with a new password has had one more', () => {
    const changed = changePassword(aUser({ passwordVersion: 3 }), 'new' as PasswordHash)
    expect(changed).toEqual(aUser({ passwordHash: 'new' as PasswordHash, passwordVersion: 4 }))
  })

  test('is disabled once: a second ban keeps the first reason and time', () => {
    const banned = disable(aUser(), 'spam', at(5))
    expect(banned).toEqual(aUser({ disabledAt: at(5), disabledReason: 'spam' }))
    expect(disable(banned, 'again', at(9))).toBe(banned)
  })

  test('is enabled again without a trace of the ban', () => {
    expect(isDisabled(aUser())).toBe(false)
    expect(isDisabled(disable(aUser(), 'spam', at(5)))).toBe(true)
    expect(enable(disable(aUser(), 'spam', at(5)))).toEqual(aUser())
    expect(enable(aUser())).toEqual(aUser())
  })
})

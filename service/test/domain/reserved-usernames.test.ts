import { expect, test } from 'vitest'
import { InvalidValue } from '../../src/domain/invalid-value.ts'
import { parseFreeUsername, reserveUsernames } from '../../src/domain/reserved-usernames.ts'

const refusalOf = (typed: string, reserved = ['admin', 'chat-auth']): string => {
  try {
    parseFreeUsername(reserveUsernames(reserved))(typed)
  } catch (error) {
    if (error instanceof InvalidValue) return error.code
    throw error
  }
  return 'accepted'
}

test.each([
  'admin',
  'ADMIN',
  'Adm1n',
  'ADMlN',
  'ａｄｍｉｎ',
  'adrnin',
  '_admin_',
  'ad.min',
  'Chat_Auth',
  'chatauth',
])('%s looks like a reserved username, so it is refused', { tags: ['SESSION-16'] }, (typed) => {
  expect(refusalOf(typed)).toBe('reserved')
})

test('a reserved Cyrillic username is refused in Latin letters', () => {
  expect(refusalOf('copa', ['сора'])).toBe('reserved')
})

test.each(['admina', 'administrator', 'badmin', 'annadmin'])(
  '%s only contains a reserved username, so it is accepted',
  (typed) => {
    expect(refusalOf(typed)).toBe('accepted')
  },
)

test('a username that breaks another rule is refused by that rule', () => {
  expect(refusalOf('аdmin')).toBe('mixed_scripts')
  expect(refusalOf('adm in')).toBe('invalid_characters')
})

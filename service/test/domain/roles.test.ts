import { expect, test } from 'vitest'
import { InvalidValue } from '../../src/domain/invalid-value.ts'
import { parseRoles } from '../../src/domain/roles.ts'

const codeOf = (roles: readonly string[]): string | undefined => {
  try {
    parseRoles(roles)
    return undefined
  } catch (error) {
    if (error instanceof InvalidValue) return error.code
    throw error
  }
}

test('roles are sorted and duplicates removed', () => {
  expect(parseRoles(['moderator', 'artist', 'moderator'])).toEqual(['artist', 'moderator'])
  expect(parseRoles([])).toEqual([])
})

test('a user has at most 16 roles', () => {
  const some = (count: number) => Array.from({ length: count }, (_, at) => `role-${at}`)
  expect(parseRoles(some(16))).toHaveLength(16)
  expect(parseRoles([...some(16), ...some(16)])).toHaveLength(16)
  expect(codeOf(some(17))).toBe('too_long')
})

test.each(['a', 'moderator', 'a1', 'a_b-c', `r${'x'.repeat(31)}`])('%s is a valid role', (role) => {
  expect(parseRoles([role])).toEqual([role])
})

test.each(['', 'A', '1a', '_a', '-a', 'a b', 'a.b', 'a\n', 'ä', `r${'x'.repeat(32)}`, 'a,b'])(
  '%j is not a valid role',
  (role) => {
    expect(codeOf(['moderator', role])).toBe('invalid_characters')
  },
)

import { InvalidValue } from './invalid-value.ts'

/** A token carries all of them, and every request carries the token. */
export const ROLES_AT_MOST = 16
export const ROLE_LIMIT = 32
export const ROLE = /^[a-z][a-z0-9_-]*$/
export const ROLE_ADVICE = `A role has 1 to ${ROLE_LIMIT} characters: a lower-case letter, then lower-case letters, digits, "_" or "-".`

/** Whether a text has the form of a role. */
export const isRole = (text: string): boolean => text.length <= ROLE_LIMIT && ROLE.test(text)

/** Reads the roles of a user: sorted, each once. Throws InvalidValue with `too_long` or `invalid_characters`. */
export function parseRoles(given: readonly string[]): readonly string[] {
  const roles = [...new Set(given)].sort()
  if (roles.length > ROLES_AT_MOST) {
    throw new InvalidValue('too_long', `Must be at most ${ROLES_AT_MOST} roles.`)
  }
  if (!roles.every(isRole)) {
    throw new InvalidValue('invalid_characters', ROLE_ADVICE)
  }
  return roles
}

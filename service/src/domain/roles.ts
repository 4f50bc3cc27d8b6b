import { InvalidValue } from './invalid-value.ts'

/** A token carries all of them, and every request carries the token. */
const ROLES_AT_MOST = 16
const ROLE = /^[a-z][a-z0-9_-]{0,31}$/

/** Reads what a person may do, sorted, each once. Throws InvalidValue with `too_long` or `invalid_characters`. */
export function parseRoles(given: readonly string[]): readonly string[] {
  const roles = [...new Set(given)].sort()
  if (roles.length > ROLES_AT_MOST) {
    throw new InvalidValue('too_long', `Give a person at most ${ROLES_AT_MOST} roles.`)
  }
  if (!roles.every((role) => ROLE.test(role))) {
    throw new InvalidValue(
      'invalid_characters',
      'A role is a small letter followed by up to 31 small letters, digits, "_" or "-".',
    )
  }
  return roles
}

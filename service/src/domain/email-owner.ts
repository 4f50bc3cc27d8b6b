import type { User } from './user.ts'

/** How many holders of an address decide who owns it. */
export const HOLDERS_THAT_DECIDE = 2

/**
 * The user to whom an address belongs: the one who verified it, or else the only one who has it. `holders` are the users who
 * have it, the verified one first; at least `HOLDERS_THAT_DECIDE` of them, if there are as many.
 */
export function ownerAmong(holders: readonly User[]): User | undefined {
  const [first, second] = holders
  return first?.emailVerified === true || second === undefined ? first : undefined
}

import type { User, UserId } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { Users } from '../ports/users.ts'

export interface ListUsersInput {
  readonly onlyDisabled: boolean
  /** The last user of the previous page. */
  readonly before: UserId | undefined
  readonly limit: number
}

export interface ListedUsers {
  readonly users: readonly User[]
  /** Where the next page begins; undefined after the last. */
  readonly next: UserId | undefined
}

/** A page of all users or of the disabled ones, newest first, for operators. */
export const listUsers =
  ({ users, clock }: { users: Users; clock: Clock }) =>
  async ({ onlyDisabled, before, limit }: ListUsersInput): Promise<ListedUsers> => {
    // One user more than requested shows whether there is another page.
    const found = await users.newest({ onlyDisabled, before, limit: limit + 1, now: clock.now() })
    const page = found.slice(0, limit)
    return { users: page, next: found.length > limit ? page.at(-1)?.id : undefined }
  }

import type { SearchPlace } from '../../domain/user-search.ts'
import type { User, UserId } from '../../domain/user.ts'
import { fragmentKey } from '../../domain/username.ts'
import type { FoundUser, Users } from '../ports/users.ts'

export interface SearchUsersInput {
  /** A part of a name, as typed. */
  readonly username: string
  /** Where the last page ended. */
  readonly after: SearchPlace | undefined
  readonly limit: number
  /** Left out of what is found. */
  readonly askedBy: UserId | undefined
  readonly withDisabled: boolean
}

export interface FoundUsers {
  readonly users: readonly User[]
  /** Where the next page begins; undefined after the last. */
  readonly next: SearchPlace | undefined
}

/** Finds people by a part of their name: the exact match first, then names that begin with it, then the others. */
export const searchUsers =
  ({ users }: { users: Users }) =>
  async ({ username, after, limit, askedBy, withDisabled }: SearchUsersInput): Promise<FoundUsers> => {
    const fragment = fragmentKey(username)
    if (fragment === undefined) return { users: [], next: undefined }
    // One more than asked for tells whether there is another page.
    const found = await users.search({ fragment, after, limit: limit + 1, except: askedBy, withDisabled })
    return page(found, limit)
  }

const page = (found: readonly FoundUser[], limit: number): FoundUsers => ({
  users: found.slice(0, limit).map(({ user }) => user),
  next: found.length > limit ? found[limit - 1]?.place : undefined,
})

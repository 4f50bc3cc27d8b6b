import type { SearchCursor } from '../../domain/user-search.ts'
import type { User, UserId } from '../../domain/user.ts'
import { searchKey } from '../../domain/username.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import type { FoundUser, Users } from '../ports/users.ts'
import { searchesOf } from '../request-limits.ts'

export interface SearchUsersDeps {
  readonly users: Users
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export interface SearchUsersInput {
  /** A part of a name, as typed. */
  readonly username: string
  /** Where the last page ended. */
  readonly after: SearchCursor | undefined
  readonly limit: number
  /** Left out of the results. Undefined for an operator, whose searches are not limited. */
  readonly askedBy: UserId | undefined
  readonly withDisabled: boolean
}

export interface FoundUsers {
  readonly users: readonly User[]
  /** Where the next page begins; undefined after the last. */
  readonly next: SearchCursor | undefined
}

export const searchUsersErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/**
 * Finds users by a part of their name: the exact match first, then names that begin with it, then the others. Throws
 * `too_many_attempts`.
 */
export const searchUsers =
  ({ users, requestLimits, clock }: SearchUsersDeps) =>
  async ({ username, after, limit, askedBy, withDisabled }: SearchUsersInput): Promise<FoundUsers> => {
    const now = clock.now()
    if (askedBy !== undefined) requestLimits.count(searchesOf(askedBy), now)
    const fragment = searchKey(username)
    if (fragment === undefined) return { users: [], next: undefined }
    // One result more than requested shows whether there is another page.
    const found = await users.search({
      fragment,
      after,
      limit: limit + 1,
      except: askedBy,
      withDisabled,
      now,
    })
    return page(found, limit)
  }

const page = (found: readonly FoundUser[], limit: number): FoundUsers => ({
  users: found.slice(0, limit).map(({ user }) => user),
  next: found.length > limit ? found[limit - 1]?.cursor : undefined,
})

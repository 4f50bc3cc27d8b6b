import type { User, UserId } from '../../domain/user.ts'
import type { Users } from '../ports/users.ts'

/** The users who exist, in the requested order, each once. Includes disabled users, since their messages have an author. */
export const lookupUsers =
  ({ users }: { users: Users }) =>
  async (ids: readonly UserId[]): Promise<readonly User[]> => {
    const found = new Map((await users.findAll(ids)).map((user) => [user.id, user]))
    return [...new Set(ids)].map((id) => found.get(id)).filter((user) => user !== undefined)
  }

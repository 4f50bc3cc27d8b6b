import type { User, UserId } from '../../domain/user.ts'
import type { Users } from '../ports/users.ts'

/** Those of the people who exist, in the order asked for, each once. Disabled ones too: their messages have an author. */
export const lookupUsers =
  ({ users }: { users: Users }) =>
  async (ids: readonly UserId[]): Promise<readonly User[]> => {
    const found = new Map((await users.findAll(ids)).map((user) => [user.id, user]))
    return [...new Set(ids)].map((id) => found.get(id)).filter((user) => user !== undefined)
  }

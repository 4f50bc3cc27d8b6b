import { isDisabled, type User, type UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { Users } from '../ports/users.ts'

/** A person as others may see them. Throws `user_not_found`, also for a disabled one. */
export const readUser =
  ({ users }: { users: Users }) =>
  async (id: UserId): Promise<User> => {
    const user = await users.find(id)
    if (user === undefined || isDisabled(user)) throw new ApplicationError('user_not_found')
    return user
  }

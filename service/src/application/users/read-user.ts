import { isDisabled, type User, type UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Users } from '../ports/users.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import { lookUpsOf } from '../request-limits.ts'

export interface ReadUserDeps {
  readonly users: Users
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export const readUserErrors = ['user_not_found', 'too_many_attempts'] as const satisfies readonly ErrorCode[]

/** A user as others may see them. Throws `user_not_found`, also for a disabled user, and `too_many_attempts`. */
export const readUser =
  ({ users, requestLimits, clock }: ReadUserDeps) =>
  async (id: UserId, askedBy: UserId): Promise<User> => {
    const now = clock.now()
    requestLimits.count(lookUpsOf(askedBy), now)
    const user = await users.find(id)
    if (user === undefined || isDisabled(user, now)) throw new ApplicationError('user_not_found')
    return user
  }

import type { Session } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Users } from '../ports/users.ts'

export const listUserSessionsErrors = ['user_not_found'] as const satisfies readonly ErrorCode[]

/** A user's live sessions for an operator, newest first. Throws `user_not_found`. */
export const listUserSessions =
  ({ users, sessions, clock }: { users: Users; sessions: Sessions; clock: Clock }) =>
  async (userId: UserId): Promise<readonly Session[]> => {
    if ((await users.find(userId)) === undefined) throw new ApplicationError('user_not_found')
    return sessions.listLive(userId, clock.now())
  }

import type { User } from '../../domain/user.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import { ownReadsIn } from '../request-limits.ts'
import type { Caller } from '../sessions/caller.ts'

interface ReadOwnUserDeps {
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export const readOwnUserErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/** The caller, as authentication has just read them. Throws `too_many_attempts`. */
export const readOwnUser =
  ({ requestLimits, clock }: ReadOwnUserDeps) =>
  async ({ user, session }: Caller): Promise<User> => {
    requestLimits.count(ownReadsIn(session.id), clock.now())
    return Promise.resolve(user)
  }

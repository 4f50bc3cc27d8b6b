import type { Actor } from '../../domain/actor.ts'
import { checkUntil } from '../../domain/ban.ts'
import type { UserId } from '../../domain/user.ts'
import type { ErrorCode } from '../errors.ts'
import type { EndOwnSessionsDeps } from '../sessions/end-own-sessions.ts'
import { validate } from '../validate.ts'
import { imposeBan, type NewBan } from './impose-ban.ts'
import { lockForOperatorErrors } from './lock-for-operator.ts'

export const disableUserErrors = [
  'validation_failed',
  ...lockForOperatorErrors,
] as const satisfies readonly ErrorCode[]

/**
 * Disables a user: no sign-in before the ban ends, and every session ends. A ban replaces an earlier one; the same ban again
 * changes nothing. Throws `validation_failed`, `user_not_found`, `insufficient_role`.
 */
export const disableUser =
  (deps: EndOwnSessionsDeps) =>
  async (actor: Actor, userId: UserId, wanted: NewBan): Promise<void> => {
    const { until } = wanted
    if (until !== undefined) validate({ until: () => checkUntil(until, deps.clock.now()) })
    await imposeBan(deps)(actor, userId, wanted)
  }

import { InvalidValue } from '../../domain/invalid-value.ts'
import { userActor } from '../../domain/actor.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import type { RefusalBuffer } from '../audit/refusal-buffer.ts'
import { codesIn } from '../attempt-budgets.ts'
import type { ApplicationError } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Caller } from '../sessions/caller.ts'
import { refuseField } from '../validate.ts'

export interface CheckFactorDeps {
  readonly attempts: AttemptLimits
  readonly refusals: Pick<RefusalBuffer, 'add'>
  readonly clock: Clock
}

/**
 * Makes an attempt of a signed-in user to prove a factor. It is counted per session, and noted if it is refused. Throws
 * `too_many_attempts`.
 */
export const checkFactor =
  (deps: CheckFactorDeps) =>
  async <T>({ user, session }: Caller, attempt: () => Promise<T>): Promise<T> => {
    const about = { action: 'factor_check.refused', subject: user.id, session: session.id } as const
    return noteRefusal(deps)({ ...about, actor: userActor(user.id) }, async () => {
      const budget = codesIn(session.id)
      await deps.attempts.take([budget], deps.clock.now())
      const result = await attempt()
      await deps.attempts.reset(budget)
      return result
    })
  }

/** A 422 and not a 401, since the session is fine. */
export const incorrectCode = (field: 'code' | 'recovery_code'): ApplicationError => {
  const message =
    field === 'code'
      ? 'This code is wrong, or it was used before. Wait for the next one.'
      : 'This is not one of your recovery codes, or it was used before.'
  return refuseField(field, new InvalidValue('incorrect', message))
}

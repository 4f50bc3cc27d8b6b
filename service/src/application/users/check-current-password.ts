import { InvalidValue } from '../../domain/invalid-value.ts'
import { userActor } from '../../domain/actor.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import type { RefusalBuffer } from '../audit/refusal-buffer.ts'
import { passwordChecksIn } from '../attempt-budgets.ts'
import { ownPasswordShare } from '../hashing-shares.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { Caller } from '../sessions/caller.ts'
import { refuseField } from '../validate.ts'
import { countAttempt } from './count-attempt.ts'

export interface CheckCurrentPasswordDeps {
  readonly passwords: PasswordHasher
  readonly attempts: AttemptLimits
  readonly refusals: Pick<RefusalBuffer, 'add'>
  readonly clock: Clock
}

/**
 * Makes sure that the holder of the session also knows the password (ASVS 7.5.1). A wrong password is `validation_failed` for
 * `current_password` and not a 401, since the session is fine.
 */
export const checkCurrentPassword =
  (deps: CheckCurrentPasswordDeps) =>
  async (caller: Caller, typed: string): Promise<void> => {
    const { user, session } = caller
    const about = { action: 'password_check.refused', subject: user.id, session: session.id } as const
    await noteRefusal(deps)({ ...about, actor: userActor(user.id) }, () => verify(deps, caller, typed))
  }

async function verify(
  deps: CheckCurrentPasswordDeps,
  { user, session }: Caller,
  typed: string,
): Promise<void> {
  const { passwords, attempts, clock } = deps
  const budget = passwordChecksIn(session.id)
  const now = clock.now()
  const share = ownPasswordShare(user.id)
  const requireCapacity = () => passwords.requireCapacity(share)
  const { matches } = await countAttempt({ attempts, requireCapacity })([budget], now, () =>
    passwords.verify(typed, user.passwordHash, false, share),
  )
  if (!matches) {
    throw refuseField('current_password', new InvalidValue('incorrect', 'This is not your current password.'))
  }
  await attempts.reset(budget)
}

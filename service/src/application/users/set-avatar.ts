import { userActor } from '../../domain/actor.ts'
import { changeAvatar } from '../../domain/avatar.ts'
import { userUpdated } from '../../domain/event.ts'
import type { User } from '../../domain/user.ts'
import { avatarChangesOf } from '../attempt-budgets.ts'
import type { ErrorCode } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Pictures } from '../ports/pictures.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { countAttempt } from './count-attempt.ts'

export interface SetAvatarDeps {
  readonly pictures: Pictures
  readonly transactions: Transactions
  readonly attempts: AttemptLimits
  readonly clock: Clock
}

export const setAvatarErrors = [
  'validation_failed',
  'picture_too_large',
  'unsupported_picture',
  'too_many_attempts',
  'overloaded',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Replaces the picture of the caller by the one that `read` returns. A caller who sent too many is refused before anything
 * is read. Throws as `Pictures.makeAvatar` does, and `too_many_attempts`.
 */
export const setAvatar =
  ({ pictures, transactions, attempts, clock }: SetAvatarDeps) =>
  async (caller: Caller, read: () => Promise<Uint8Array>): Promise<User> => {
    const budget = avatarChangesOf(caller.user.id)
    const avatar = await countAttempt({ attempts, requireCapacity: () => pictures.requireCapacity() })(
      [budget],
      clock.now(),
      () => pictures.makeAvatar(read),
    )
    return transactions.transaction(userActor(caller.user.id), async (tx) => {
      const now = clock.now()
      const { user } = await lockCaller(tx, caller, now)
      if (user.avatar === avatar.name) return user
      const updated = changeAvatar(user, avatar)
      await tx.media.put(user.id, avatar)
      await tx.users.save(updated)
      await tx.outbox.add([userUpdated(updated, ['avatar'], now)])
      return updated
    })
  }

import { changeAvatar } from '../../domain/avatar.ts'
import { userUpdated } from '../../domain/event.ts'
import type { User } from '../../domain/user.ts'
import { avatarChangesOf } from '../attempt-budgets.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Pictures } from '../ports/pictures.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/authenticate.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { countAttempt } from './count-attempt.ts'

export interface SetAvatarDeps {
  readonly pictures: Pictures
  readonly transactions: Transactions
  readonly attempts: AttemptLimits
  readonly clock: Clock
}

/**
 * Gives the caller the picture that `read` reads, in the place of the one they had. Whoever sent too many is refused before
 * anything is read. Throws as `Pictures.makeAvatar` does, and `too_many_attempts`.
 */
export const setAvatar =
  ({ pictures, transactions, attempts, clock }: SetAvatarDeps) =>
  async (caller: Caller, read: () => Promise<Uint8Array>): Promise<User> => {
    const budget = avatarChangesOf(caller.user.id)
    const avatar = await countAttempt({ attempts, room: pictures })([budget], clock.now(), () =>
      pictures.makeAvatar(read),
    )
    return transactions.transaction(async (tx) => {
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

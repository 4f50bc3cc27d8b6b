import { changeAvatar } from '../../domain/avatar.ts'
import { userUpdated } from '../../domain/event.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/authenticate.ts'
import { lockCaller } from '../sessions/lock-caller.ts'

/** Removes the caller's picture: the drawn one is shown again. Without one it changes nothing. */
export const removeAvatar =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (caller: Caller): Promise<void> =>
    transactions.transaction(async (tx) => {
      const now = clock.now()
      const { user } = await lockCaller(tx, caller, now)
      if (user.avatar === undefined) return
      const updated = changeAvatar(user, undefined)
      await tx.media.remove(user.id)
      await tx.users.save(updated)
      await tx.outbox.add([userUpdated(updated, ['avatar'], now)])
    })

import { userActor } from '../../domain/actor.ts'
import { changeAvatar } from '../../domain/avatar.ts'
import { userUpdated } from '../../domain/event.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { lockCaller } from '../sessions/lock-caller.ts'

export const removeAvatarErrors = [
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/** Removes the caller's picture: the default picture is shown again. Without one it changes nothing. */
export const removeAvatar =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (caller: Caller): Promise<void> =>
    transactions.transaction(userActor(caller.user.id), async (tx) => {
      const now = clock.now()
      const { user } = await lockCaller(tx, caller, now)
      if (user.avatar === undefined) return
      const updated = changeAvatar(user, undefined)
      await tx.media.remove(user.id)
      await tx.users.save(updated)
      await tx.outbox.add([userUpdated(updated, ['avatar'], now)])
    })

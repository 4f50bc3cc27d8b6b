import { userEnabled } from '../../domain/event.ts'
import { enable, isDisabled, type UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'

/** Lifts a ban. Ended sessions stay ended. Repeating it changes nothing. Throws `user_not_found`. */
export const enableUser =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (userId: UserId): Promise<void> =>
    transactions.transaction(async (tx) => {
      const user = await tx.users.lock(userId)
      if (user === undefined) throw new ApplicationError('user_not_found')
      if (!isDisabled(user)) return
      await tx.users.save(enable(user))
      await tx.outbox.add([userEnabled(user, clock.now())])
    })

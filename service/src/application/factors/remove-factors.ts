import type { Actor } from '../../domain/actor.ts'
import { factorRemoved } from '../../domain/event.ts'
import { removeFactors as remove, type UserId } from '../../domain/user.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'
import { lockForOperator, lockForOperatorErrors } from '../users/lock-for-operator.ts'

interface RemoveFactorsDeps {
  readonly transactions: Transactions
  readonly clock: Clock
}

export const removeFactorsErrors = lockForOperatorErrors satisfies readonly ErrorCode[]

/**
 * Removes all factors and recovery codes of a user who has lost them, so that the password is enough again. Sessions continue.
 * Without factors nothing changes. Throws `user_not_found`, `insufficient_role`.
 */
export const removeFactors =
  ({ transactions, clock }: RemoveFactorsDeps) =>
  (actor: Actor, userId: UserId): Promise<void> =>
    transactions.transaction(actor, async (tx) => {
      const now = clock.now()
      const user = await lockForOperator(tx, { actor, userId, change: 'remove_factors', now })
      await tx.factors.removeAll(userId)
      if (user.factors.length === 0) return
      await tx.users.save(remove(user, user.factors))
      await tx.outbox.add(user.factors.map((factor) => factorRemoved(userId, factor, now)))
    })

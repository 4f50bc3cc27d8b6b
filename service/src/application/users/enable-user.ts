import type { Actor } from '../../domain/actor.ts'
import { userEnabled } from '../../domain/event.ts'
import { enable, type UserId } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'
import { lockForOperator, lockForOperatorErrors } from './lock-for-operator.ts'

export const enableUserErrors = lockForOperatorErrors

/**
 * Lifts a ban; the note says why, for operators. Ended sessions stay ended. Repeating it changes nothing. Throws
 * `user_not_found`, `insufficient_role`.
 */
export const enableUser =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (actor: Actor, userId: UserId, note?: string): Promise<void> =>
    transactions.transaction(actor, async (tx) => {
      const now = clock.now()
      const user = await lockForOperator(tx, { actor, userId, change: 'enable', now })
      if (user.ban === undefined) return
      await tx.users.save(enable(user))
      await tx.outbox.add([userEnabled(userId, note, now)])
    })

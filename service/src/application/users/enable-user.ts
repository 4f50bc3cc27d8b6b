import type { Actor } from '../../domain/actor.ts'
import { userEnabled } from '../../domain/event.ts'
import { enable, type UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'

export const enableUserErrors = ['user_not_found'] as const satisfies readonly ErrorCode[]

/**
 * Lifts a ban; the note says why, for operators. Ended sessions stay ended. Repeating it changes nothing. Throws
 * `user_not_found`.
 */
export const enableUser =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (actor: Actor, userId: UserId, note?: string): Promise<void> =>
    transactions.transaction(actor, async (tx) => {
      const user = await tx.users.lock(userId)
      if (user === undefined) throw new ApplicationError('user_not_found')
      if (user.ban === undefined) return
      await tx.users.save(enable(user))
      await tx.outbox.add([userEnabled(userId, note, clock.now())])
    })

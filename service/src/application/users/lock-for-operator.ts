import { userOf, type Actor } from '../../domain/actor.ts'
import { mayChange, type OperatorChange } from '../../domain/operator.ts'
import { isDisabled, type User, type UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Transaction } from '../ports/transactions.ts'

export const lockForOperatorErrors = [
  'user_not_found',
  'insufficient_role',
] as const satisfies readonly ErrorCode[]

/**
 * Locks and returns the user whom an operator changes. An operator who is a user is locked as well, in the order of the ids,
 * so that two who take each other's role away take turns. A service key has been checked before. Throws `user_not_found`, and
 * `insufficient_role` if the roles of the operator do not allow the change.
 */
export async function lockForOperator(
  tx: Transaction,
  { actor, userId, change, now }: { actor: Actor; userId: UserId; change: OperatorChange; now: Date },
): Promise<User> {
  const operatorId = userOf(actor)
  const ids = [...new Set([operatorId ?? userId, userId])].toSorted((a, b) => a - b)
  const locked = new Map<UserId, User | undefined>()
  for (const id of ids) locked.set(id, await tx.users.lock(id))
  const target = locked.get(userId)
  if (operatorId !== undefined) {
    const operator = locked.get(operatorId)
    const isAllowed =
      operator !== undefined && !isDisabled(operator, now) && mayChange(operator, target, change)
    if (!isAllowed) throw new ApplicationError('insufficient_role')
  }
  if (target === undefined) throw new ApplicationError('user_not_found')
  return target
}

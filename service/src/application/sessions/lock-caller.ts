import { endReasonOf, isLive } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { Transaction } from '../ports/transactions.ts'
import type { Caller } from './authenticate.ts'

/**
 * The caller as they are now, held until the transaction ends. A change that took time to prepare (hashing) must not
 * land after the session ended or the password was changed. Throws `session_ended` or `invalid_access_token`.
 */
export async function lockCaller(tx: Transaction, caller: Caller, now: Date): Promise<User> {
  const user = await tx.users.lock(caller.user.id)
  const session = await tx.sessions.lock(caller.user.id, caller.session.id)
  if (user === undefined || session === undefined) throw new ApplicationError('invalid_access_token')
  if (!isLive(session, now)) throw new ApplicationError('session_ended', { reason: endReasonOf(session) })
  if (user.passwordVersion !== caller.user.passwordVersion) throw new ApplicationError('invalid_access_token')
  return user
}

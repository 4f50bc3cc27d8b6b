import { endReasonOf, isWithdrawn, type Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError, unavailable } from '../errors.ts'
import type { Transaction } from '../ports/transactions.ts'
import type { Caller } from './caller.ts'

/**
 * Reads and locks the caller and their live sessions until the transaction ends. A change that took time to prepare
 * (hashing) must not be written after the session ended or the password changed. Throws `session_ended`,
 * `invalid_access_token` when there is no such session any more, or `unavailable`.
 */
export async function lockCaller(
  tx: Transaction,
  { user: asked, session: current, token }: Caller,
  now: Date,
): Promise<{ user: User; session: Session; others: readonly Session[] }> {
  const user = await tx.users.lock(asked.id)
  // All in one statement, in the order in which every transaction locks sessions: another order could deadlock.
  const live = await tx.sessions.lockLive(asked.id, now)
  const session = live.find(({ id }) => id === current.id)
  if (session === undefined) {
    const ended = await tx.sessions.lock(asked.id, current.id)
    if (ended === undefined) throw new ApplicationError('invalid_access_token')
    throw new ApplicationError('session_ended', { reason: endReasonOf(ended) })
  }
  if (user === undefined) throw new ApplicationError('invalid_access_token')
  // The session is still live, so password or address were changed on it. A 401 would sign the user out for no reason.
  if (user.passwordVersion !== asked.passwordVersion) {
    throw unavailable('Another request changed your password or e-mail address at the same time.', 1)
  }
  // An earlier proof is no longer enough, or was made with a factor that is gone.
  if (user.factorsVersion !== asked.factorsVersion) {
    throw unavailable('Another request changed your second factors at the same time.', 1)
  }
  // Tokens that were withdrawn while the request was in flight must not renew themselves, nor change anything.
  if (isWithdrawn(session, token.generation)) {
    throw unavailable('Another request renewed the tokens of this session at the same time.', 1)
  }
  return { user, session, others: live.filter(({ id }) => id !== current.id) }
}

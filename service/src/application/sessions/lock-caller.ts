import { endReasonOf, type Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { Transaction } from '../ports/transactions.ts'
import type { Caller } from './authenticate.ts'

/**
 * The caller and their live sessions as they are now, held until the transaction ends. A change that took time to
 * prepare (hashing) must not land after the session ended or the password was changed. Throws `session_ended`,
 * `invalid_access_token` when there is no such session any more, or `unavailable`.
 */
export async function lockCaller(
  tx: Transaction,
  { user: asked, session: current }: Caller,
  now: Date,
): Promise<{ user: User; live: readonly Session[] }> {
  const user = await tx.users.lock(asked.id)
  // All at once, in the order in which everybody locks sessions.
  const live = await tx.sessions.lockLive(asked.id, now)
  if (!live.some(({ id }) => id === current.id)) {
    const ended = await tx.sessions.lock(asked.id, current.id)
    if (ended === undefined) throw new ApplicationError('invalid_access_token')
    throw new ApplicationError('session_ended', { reason: endReasonOf(ended) })
  }
  if (user === undefined) throw new ApplicationError('invalid_access_token')
  // The session lived through it, so the change was made on it: no reason for a 401, which would sign the person out.
  if (user.passwordVersion !== asked.passwordVersion) {
    throw new ApplicationError('unavailable', { retryAfterSeconds: 1 })
  }
  return { user, live }
}

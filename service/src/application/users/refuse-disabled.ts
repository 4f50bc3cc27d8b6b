import { banOf, type User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'

/**
 * Throws `user_disabled`, with what the ban says to the user. Call it only after the right password: it reveals that the
 * user exists.
 */
export function refuseDisabled(user: User, now: Date): void {
  const ban = banOf(user, now)
  if (ban === undefined) return
  const { publicReason, until } = ban
  // Clients of the older routes show this text and nothing else.
  const sentences = [
    `An operator has disabled this account${until === undefined ? '' : ` until ${until.toISOString()}`}.`,
    'Contact the operator of this service.',
    ...(publicReason === undefined ? [] : [`The reason: ${publicReason}`]),
  ]
  throw new ApplicationError('user_disabled', {
    detail: sentences.join(' '),
    ...(publicReason !== undefined && { reason: publicReason }),
    ...(until !== undefined && { until }),
  })
}

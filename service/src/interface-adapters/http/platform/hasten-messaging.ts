import type { Outbox } from '../../../application/outbox/outbox.ts'
import { MESSAGING } from '../../../domain/delivery.ts'
import type { UserId } from '../../../domain/user.ts'

/** Longer than a delivery to a service that is up. A look-up hardly notices it. */
const LIMIT_MS = 250

/**
 * Called with a look-up of the messaging service: delivers first what waits for the users it asks about, for a bounded time.
 * Otherwise it would see a new name, find no chat with its copy of the old one, and open a second chat.
 */
export const hastenMessaging =
  (outbox: Pick<Outbox, 'hasten'>) =>
  async (userIds: readonly UserId[]): Promise<void> => {
    const { promise: limit, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => resolve(undefined), LIMIT_MS)
    await Promise.race([outbox.hasten(MESSAGING, userIds), limit])
    clearTimeout(timer)
  }

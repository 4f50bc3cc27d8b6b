import type { Logger } from 'pino'
import type { CommittedEvent } from './observed-transactions.ts'

/** Logs committed events of users and sessions under the names of the events (ASVS 16.3). */
export const logEvents =
  (logger: Logger) =>
  (events: readonly CommittedEvent[]): void => {
    for (const { type, userId, actor, data } of events)
      logger.info({ event: type, user_id: userId, actor, ...data })
  }

import type { Logger } from 'pino'
import type { DomainEvent } from '../domain/event.ts'

/** Logs what happened to people and sessions, under the names of the events (ASVS 16.3). */
export const logEvents =
  (logger: Logger) =>
  (events: readonly DomainEvent[]): void => {
    for (const { type, userId, data } of events) logger.info({ event: type, user_id: userId, ...data })
  }

import type { Meter } from '@opentelemetry/api'
import type { DomainEvent } from '../../domain/event.ts'
import { END_REASONS } from '../../domain/session.ts'

/** Counts what happened to people and sessions; to be called with what is durable. */
export function countEvents(meter: Meter): (events: readonly DomainEvent[]) => void {
  const registrations = meter.createCounter('chat_auth_registrations', {
    description: 'People who signed up',
  })
  const ends = meter.createCounter('chat_auth_session_ends', {
    description: 'Sessions that ended, by their reason',
  })
  registrations.add(0)
  for (const reason of END_REASONS) ends.add(0, { reason })
  return (events) => {
    for (const { type, data } of events) {
      if (type === 'user.created') registrations.add(1)
      if (type === 'session.ended') ends.add(1, { reason: data.reason })
    }
  }
}

import type { Meter } from '@opentelemetry/api'
import type { DomainEvent } from '../../domain/event.ts'
import { END_REASONS } from '../../domain/session.ts'

/** Counts registrations and session ends. Call it with committed events only. */
export function countEvents(meter: Meter): (events: readonly DomainEvent[]) => void {
  const registrations = meter.createCounter('chat_auth_registrations', {
    description: 'Users who registered',
  })
  const ends = meter.createCounter('chat_auth_session_ends', {
    description: 'Sessions that ended, by reason',
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

import type { DomainEvent } from './event.ts'

/** The fields of an event's data that identify or locate the user. The compiler requires every type of event. */
export const personalFields = {
  'user.created': ['username'],
  'user.updated': ['username'],
  'user.password_changed': [],
  // Operators' own words about the user.
  'user.disabled': ['reason', 'public_reason'],
  'user.enabled': ['note'],
  'user.roles_changed': [],
  'user.deleted': [],
  'session.created': ['device_name'],
  'session.reauthenticated': [],
  'session.ended': [],
  'session.refresh_token_reused': ['address'],
  'session.rolled_forward': ['address'],
} as const satisfies Record<DomainEvent['type'], readonly string[]>

/** The same event after its user was deleted: the personal fields are null. */
export function redacted(event: DomainEvent): DomainEvent {
  const emptied = Object.fromEntries(personalFields[event.type].map((field) => [field, null]))
  return { ...event, data: { ...event.data, ...emptied } } as DomainEvent
}

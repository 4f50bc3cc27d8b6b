import type { DomainEvent } from './event.ts'

/** The fields of an event's data that say who or where somebody is. A kind of event that is missing here does not compile. */
export const personalFields = {
  'user.created': ['username'],
  'user.updated': ['username'],
  'user.password_changed': [],
  // An operator's own words about the person.
  'user.disabled': ['reason'],
  'user.enabled': [],
  'user.roles_changed': [],
  'user.deleted': [],
  'session.created': ['device_name'],
  'session.ended': [],
  'session.refresh_token_reused': ['address'],
} as const satisfies Record<DomainEvent['type'], readonly string[]>

/** The same event once its person is deleted: the fields are there, and empty. */
export function scrubbed(event: DomainEvent): DomainEvent {
  const emptied = Object.fromEntries(personalFields[event.type].map((field) => [field, null]))
  return { ...event, data: { ...event.data, ...emptied } } as DomainEvent
}

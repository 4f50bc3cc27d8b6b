import type { DomainEvent } from './event.ts'

/** The fields of an event's data that identify or locate the user. The compiler requires every type of event. */
export const personalFields = {
  'user.created': ['username'],
  'user.updated': ['username'],
  'user.email_changed': [],
  'user.email_change_undone': [],
  'user.email_verification_requested': [],
  'user.email_verified': [],
  'user.password_changed': [],
  'user.password_reset_requested': [],
  'user.password_reset': [],
  // Operators' own words about the user.
  'user.disabled': ['reason', 'public_reason'],
  'user.enabled': ['note'],
  'user.roles_changed': [],
  'user.factor_added': [],
  'user.factor_removed': [],
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

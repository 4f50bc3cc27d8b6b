import type { DomainEvent } from './event.ts'
import { personalFields } from './personal-fields.ts'

/** Attempts that were refused. They change nothing, so there is no event. */
const REFUSAL_ACTIONS = [
  'sign_in.refused',
  'password_check.refused',
  'factor_check.refused',
  'refresh.refused',
  'link.refused',
  'service_key.refused',
  'access.refused',
] as const

export type RefusalAction = (typeof REFUSAL_ACTIONS)[number]

/** Changes that concern no user, so there is no event. */
const OPERATOR_ACTIONS = [
  'invitation.created',
  'invitation.revoked',
  'signing_key.created',
  'signing_keys.removed',
  'deliveries.replayed',
  'users.imported',
  'users.announced',
  'database.restored',
] as const

export type OperatorAction = (typeof OPERATOR_ACTIONS)[number]

/** The actions that the audit log records: each type of event, changes that concern no user, and refused attempts. */
export const AUDIT_ACTIONS = [
  ...(Object.keys(personalFields) as readonly DomainEvent['type'][]),
  ...REFUSAL_ACTIONS,
  ...OPERATOR_ACTIONS,
]

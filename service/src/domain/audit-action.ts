import { personalFields } from './personal-fields.ts'
import type { DomainEvent } from './event.ts'

/** The actions that the audit log records: each type of event. */
export const AUDIT_ACTIONS = Object.keys(personalFields) as readonly DomainEvent['type'][]

import type { DomainEvent } from './event.ts'

/** The fields that operators write for each other about a user. */
const operatorFields: Readonly<Record<string, readonly string[]>> = {
  'user.disabled': ['reason'],
  'user.enabled': ['note'],
} satisfies Partial<Record<DomainEvent['type'], readonly string[]>>

/** The data of an event as its user may see it. */
export const dataForUser = (
  type: string,
  data: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(data).filter(([field]) => operatorFields[type]?.includes(field) !== true))

import type { Actor } from './actor.ts'
import { InvalidValue } from './invalid-value.ts'
import { secondsAfter } from './session.ts'

/** Lets users sign up while registration is by invitation. Its token is not part of it: only a hash is stored. */
export interface Invitation {
  readonly id: number
  readonly uses: number
  readonly usesLeft: number
  /** For operators. */
  readonly note: string | undefined
  readonly createdAt: Date
  readonly createdBy: Actor
  readonly expiresAt: Date
}

export type NewInvitation = Omit<Invitation, 'id' | 'usesLeft' | 'createdBy'>

export const USES_AT_MOST = 1_000
const USUAL_LIFETIME_SECONDS = 7 * 24 * 3600
/** Longer ones are mistakes, such as milliseconds for seconds. */
const LONGEST_LIFETIME_SECONDS = 10 * 365 * 24 * 3600

/** When an invitation expires that is to expire then, or a week from now. Throws InvalidValue with `out_of_range`. */
export function expiryOfInvitation(wanted: Date | undefined, now: Date): Date {
  if (wanted === undefined) return secondsAfter(now, USUAL_LIFETIME_SECONDS)
  if (wanted > now && wanted <= secondsAfter(now, LONGEST_LIFETIME_SECONDS)) return wanted
  throw new InvalidValue(
    'out_of_range',
    'Must be in the future, within ten years. Leave it out for a week from now.',
  )
}

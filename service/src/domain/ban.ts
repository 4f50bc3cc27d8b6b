import { InvalidValue } from './invalid-value.ts'

/** Keeps a user from signing in. */
export interface Ban {
  readonly since: Date
  /** For operators. */
  readonly reason: string
  /** For the user. */
  readonly publicReason: string | undefined
  /** The ban ends by itself at this time; undefined for a ban without an end. */
  readonly until: Date | undefined
}

/** `since` does not count: it may lie ahead if the clock was set back, and the ban must still hold. */
export const isInForce = (ban: Ban, now: Date): boolean => ban.until === undefined || ban.until > now

/** Longer ones are mistakes, such as milliseconds for seconds. */
const LONGEST_BAN_YEARS = 10

/** Checks when a new ban is to end. Throws InvalidValue with `out_of_range`. */
export function checkUntil(until: Date, now: Date): Date {
  const latest = new Date(now)
  latest.setUTCFullYear(latest.getUTCFullYear() + LONGEST_BAN_YEARS)
  if (until > now && until <= latest) return until
  throw new InvalidValue(
    'out_of_range',
    `Must be in the future, within ${LONGEST_BAN_YEARS} years. Leave it out for a ban without an end.`,
  )
}

/** The same ban, whenever it began. */
export const isSameBan = (one: Ban, other: Ban): boolean =>
  one.reason === other.reason &&
  one.publicReason === other.publicReason &&
  one.until?.getTime() === other.until?.getTime()

import { secondsAfter } from './session.ts'

/** With the waits below the last attempt is made one and a half to three days after the first. */
export const ATTEMPTS_AT_MOST = 75
/** A delivery that waits for longer than this becomes a dead letter, even if the consumer was down all the time. */
export const LONGEST_WAIT_SECONDS = 3 * 24 * 3600
/** An operator can replay a dead letter for this long. */
export const DEAD_LETTER_RETENTION_SECONDS = 7 * 24 * 3600
/** Lease on a claimed delivery. Longer than any attempt. */
export const CLAIM_SECONDS = 15

/** The consumer that stores users' names and pictures: the platform's messaging service. */
export const MESSAGING = 'messaging'
/** The consumer that sends mail to users. */
export const MAIL = 'mail'

/**
 * A look-up by the consumer makes the user's delivery due up to this many attempts. So look-ups alone do not use up the
 * attempts of a delivery that the consumer refuses: the rest take a day or more.
 */
export const HASTENED_ATTEMPTS = 30

const FIRST_WAIT_SECONDS = 5
const LONGEST_PAUSE_SECONDS = 3600

export const DELIVERY_STATES = ['waiting', 'dead'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** Deliveries that are due after this were postponed by a clock that was ahead. */
export const latestDue = (now: Date): Date => secondsAfter(now, 2 * LONGEST_PAUSE_SECONDS)

/**
 * When a delivery that failed is retried: after 5 s, 10 s, 20 s … up to 1 h. Each wait is shortened by up to a half, so
 * that deliveries that failed together are not retried together. Undefined when it becomes a dead letter.
 * `chance` is a number from 0 to 1.
 */
export function nextAttempt(failures: number, now: Date, chance: number): Date | undefined {
  if (failures >= ATTEMPTS_AT_MOST) return undefined
  const wait = Math.min(FIRST_WAIT_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
  return secondsAfter(now, wait * (1 - chance / 2))
}

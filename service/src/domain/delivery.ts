import { secondsAfter } from './session.ts'

/** With the waits below the last attempt is made one and a half to three days after the first. */
export const ATTEMPTS_AT_MOST = 75
/** What a consumer that is away altogether has not taken after so long is given up too, tried or not. */
export const LONGEST_WAIT_SECONDS = 3 * 24 * 3600
/** So long an operator can have a dead letter delivered after all. */
export const DEAD_LETTER_RETENTION_SECONDS = 7 * 24 * 3600
/** Whoever has taken a delivery has it for so long alone; more than an attempt can last. */
export const CLAIM_SECONDS = 15

const FIRST_WAIT_SECONDS = 5
const LONGEST_PAUSE_SECONDS = 3600

export const DELIVERY_STATES = ['waiting', 'dead'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/**
 * When a delivery is tried again that has failed so many times: after 5 s, 10 s, 20 s … up to 1 h, each of them shortened by
 * up to a half, so that what failed together does not come back together. Undefined when it is given up.
 * `chance` is a number from 0 to 1.
 */
export function nextAttempt(failures: number, now: Date, chance: number): Date | undefined {
  if (failures >= ATTEMPTS_AT_MOST) return undefined
  const wait = Math.min(FIRST_WAIT_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
  return secondsAfter(now, wait * (1 - chance / 2))
}

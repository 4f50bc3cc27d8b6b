import type { ClientAddress } from '../domain/device.ts'
import type { UserId } from '../domain/user.ts'
import type { AttemptBudget } from './ports/attempt-limits.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE

/** Growing waits, never a lock-out: 1, 2, 4 … seconds up to a quarter of an hour. */
const guessing = { firstDelaySeconds: 1, longestDelaySeconds: 15 * MINUTE, forgetAfterSeconds: 24 * HOUR }

/** Guesses at many people from one place. Wide enough for an office behind one address. */
export const signInsFrom = (address: ClientAddress): AttemptBudget => ({
  key: `sign-in:network:${address.network}`,
  free: 50,
  ...guessing,
  forgetAfterSeconds: HOUR,
})

/**
 * Guesses at one person. A place they signed in from before has a budget of its own, so that a stranger who guesses
 * at their password cannot keep them out (ASVS 6.1.1).
 */
export const signInsTo = (name: string, knownDevice: string | undefined): AttemptBudget => ({
  key: `sign-in:account:${name}:${knownDevice ?? 'strangers'}`,
  free: 10,
  ...guessing,
})

/** Guesses at the current password by somebody who holds an access token. */
export const passwordChecksOf = (userId: UserId): AttemptBudget => ({
  key: `password-check:${userId}`,
  free: 10,
  ...guessing,
})

/** Changes of the address that cost no password. They tell which addresses are taken, as registration does. */
export const emailChangesOf = (userId: UserId): AttemptBudget => ({
  key: `email-change:${userId}`,
  free: 5,
  firstDelaySeconds: 30,
  longestDelaySeconds: HOUR,
  forgetAfterSeconds: 24 * HOUR,
})

/** Pictures take memory and time to decode; whoever tries a few until one looks right does not wait. */
export const avatarChangesOf = (userId: UserId): AttemptBudget => ({
  key: `avatar:${userId}`,
  free: 20,
  firstDelaySeconds: 15,
  longestDelaySeconds: 15 * MINUTE,
  forgetAfterSeconds: HOUR,
})

/** Registration tells which addresses are taken, so it is limited; one household may still sign up together. */
export const registrationsFrom = (address: ClientAddress): AttemptBudget => ({
  key: `registration:network:${address.network}`,
  free: 20,
  firstDelaySeconds: 30,
  longestDelaySeconds: HOUR,
  forgetAfterSeconds: 2 * HOUR,
})

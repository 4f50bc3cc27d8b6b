import type { ClientAddress } from '../domain/device.ts'
import type { SessionId } from '../domain/session.ts'
import { CHALLENGE_LIFETIME_SECONDS } from '../domain/sign-in-challenge.ts'
import type { UserId } from '../domain/user.ts'
import type { AttemptBudget } from './ports/attempt-limits.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE

/** Growing waits, never a lock-out: 1, 2, 4 … seconds up to a quarter of an hour. */
const guessing = { firstDelaySeconds: 1, longestDelaySeconds: 15 * MINUTE, forgetAfterSeconds: 24 * HOUR }

/** Of one address. */
const mailing = {
  free: 5,
  firstDelaySeconds: 10 * MINUTE,
  longestDelaySeconds: HOUR,
  forgetAfterSeconds: 24 * HOUR,
}

/**
 * Guesses at many users from one network, and from the networks around it, which have larger budgets. Wide enough for an
 * office behind one address.
 */
export const signInsFrom = (address: ClientAddress): readonly AttemptBudget[] =>
  networksAround(address).map((network, width) => ({
    key: `sign-in:network:${network}`,
    free: 50 * 2 ** width,
    ...guessing,
    forgetAfterSeconds: HOUR,
  }))

/** Guesses at one user from one network. */
export const signInsAt = (name: string, { network }: ClientAddress): AttemptBudget => ({
  key: `sign-in:account:${name}:${network}`,
  free: 10,
  ...guessing,
})

/** Guesses at one user from all networks together. Only for clients that may buy attempts: others could be locked out. */
export const signInsTo = (name: string): AttemptBudget => ({
  key: `sign-in:account:${name}`,
  free: 20,
  ...guessing,
})

/** Guesses at one user by a device with which they signed in before. */
export const signInsBy = (name: string, knownDevice: string): AttemptBudget => ({
  key: `sign-in:device:${name}:${knownDevice}`,
  free: 10,
  ...guessing,
})

/** Sign-ins with the right password, 30 an hour. More than that count as guesses. */
export const successfulSignInsOf = (userId: UserId): AttemptBudget => ({
  key: `sign-in:success:${userId}`,
  free: 30,
  firstDelaySeconds: 2 * MINUTE,
  longestDelaySeconds: 2 * MINUTE,
  forgetAfterSeconds: HOUR,
})

/**
 * Guesses at the current password by the holder of an access token. They count per session, so that a thief of one token
 * does not block the owner's other sessions.
 */
export const passwordChecksIn = (sessionId: SessionId): AttemptBudget => ({
  key: `password-check:${sessionId}`,
  free: 10,
  ...guessing,
})

/** Six digits are few, so the waits grow faster and get longer than for passwords. */
const guessingCodes = {
  firstDelaySeconds: 30,
  longestDelaySeconds: 6 * HOUR,
  forgetAfterSeconds: 24 * HOUR,
}

/** Guesses with one challenge. After them it is worth nothing: the wait is as long as it lives. */
export const codesWith = (challengeId: string): AttemptBudget => ({
  key: `code:challenge:${challengeId}`,
  free: 5,
  firstDelaySeconds: CHALLENGE_LIFETIME_SECONDS,
  longestDelaySeconds: CHALLENGE_LIFETIME_SECONDS,
  forgetAfterSeconds: 2 * CHALLENGE_LIFETIME_SECONDS,
})

/** Guesses at the codes of one user from one network. */
export const codesFrom = (userId: UserId, { network }: ClientAddress): AttemptBudget => ({
  key: `code:network:${userId}:${network}`,
  free: 10,
  ...guessingCodes,
})

/** Guesses at the codes of one user by a device with which they signed in before. */
export const codesBy = (userId: UserId, knownDevice: string): AttemptBudget => ({
  key: `code:device:${userId}:${knownDevice}`,
  free: 10,
  ...guessingCodes,
})

/**
 * Guesses at the codes of one user from all unknown devices and networks together. No proof of work buys more: the codes are
 * too few.
 */
export const codesOf = (userId: UserId): AttemptBudget => ({
  key: `code:account:${userId}`,
  free: 20,
  ...guessingCodes,
})

/** Guesses at codes by the holder of an access token. */
export const codesIn = (sessionId: SessionId): AttemptBudget => ({
  key: `code:session:${sessionId}`,
  free: 10,
  ...guessingCodes,
})

/** New secrets for authenticators, and new sets of recovery codes. */
export const newFactorsOf = (userId: UserId): AttemptBudget => ({
  key: `new-factor:${userId}`,
  free: 20,
  firstDelaySeconds: 15,
  longestDelaySeconds: 15 * MINUTE,
  forgetAfterSeconds: HOUR,
})

/**
 * Changes of the address. Each sends mail to an address that somebody typed, or, without mail, reveals which addresses are
 * taken. They count after the password, so that a thief of a token does not use up the owner's.
 */
export const emailChangesOf = (userId: UserId): AttemptBudget => ({
  key: `email-change:${userId}`,
  free: 5,
  firstDelaySeconds: 30,
  longestDelaySeconds: HOUR,
  forgetAfterSeconds: 24 * HOUR,
})

/** Mails that verify the address once more. */
export const emailVerificationsOf = (userId: UserId): AttemptBudget => ({
  key: `email-verification:${userId}`,
  free: 5,
  firstDelaySeconds: MINUTE,
  longestDelaySeconds: HOUR,
  forgetAfterSeconds: 24 * HOUR,
})

/** Mails that verify one address, for all users together. More are not sent, so that nobody can flood a stranger. */
export const verificationMailsTo = (emailKey: string): AttemptBudget => ({
  key: `verification-mail:address:${emailKey}`,
  ...mailing,
})

/** Requests for new passwords from a network, and from the networks around it. */
export const passwordResetsFrom = (address: ClientAddress): readonly AttemptBudget[] =>
  networksAround(address).map((network, width) => ({
    key: `password-reset:network:${network}`,
    free: 20 * 2 ** width,
    firstDelaySeconds: 30,
    longestDelaySeconds: HOUR,
    forgetAfterSeconds: 2 * HOUR,
  }))

/**
 * Mails with a link for a new password to one address, for all callers together. More are not sent, but the earlier links work. A link is
 * good for as long as the longest wait, so a stranger who uses the budget up leaves the owner with one.
 */
export const passwordResetMailsTo = (emailKey: string): AttemptBudget => ({
  key: `password-reset:address:${emailKey}`,
  ...mailing,
})

/** Links that are not good. Nobody can guess one, but each costs a look-up. */
export const linksFrom = (address: ClientAddress): readonly AttemptBudget[] =>
  networksAround(address).map((network, width) => ({
    key: `link:network:${network}`,
    free: 60 * 2 ** width,
    ...guessing,
    forgetAfterSeconds: HOUR,
  }))

/** Changes of the name, three in a row and then none for a day: each one reserves the old name for 90 days. */
export const renamesOf = (userId: UserId): AttemptBudget => ({
  key: `rename:${userId}`,
  free: 3,
  firstDelaySeconds: 24 * HOUR,
  longestDelaySeconds: 24 * HOUR,
  forgetAfterSeconds: 24 * HOUR,
})

/** New passwords that are scored. Scoring takes the event loop milliseconds. */
export const newPasswordsOf = (userId: UserId): AttemptBudget => ({
  key: `new-password:${userId}`,
  free: 20,
  firstDelaySeconds: 15,
  longestDelaySeconds: 15 * MINUTE,
  forgetAfterSeconds: HOUR,
})

/** Pictures take memory and time to decode. A user who tries a few until one looks right does not wait. */
export const avatarChangesOf = (userId: UserId): AttemptBudget => ({
  key: `avatar:${userId}`,
  free: 20,
  firstDelaySeconds: 15,
  longestDelaySeconds: 15 * MINUTE,
  forgetAfterSeconds: HOUR,
})

/** An export may be large. A user who loses the first one may fetch it again. */
export const exportsOf = (userId: UserId): AttemptBudget => ({
  key: `export:${userId}`,
  free: 10,
  firstDelaySeconds: 30,
  longestDelaySeconds: 15 * MINUTE,
  forgetAfterSeconds: HOUR,
})

/**
 * Registration reveals which addresses are taken, so it is limited, for a network and the networks around it. A household
 * or a class may still sign up together: the number is a setting.
 */
export const registrationsFrom = (address: ClientAddress, perNetwork: number): readonly AttemptBudget[] =>
  networksAround(address).map((network, width) => ({
    key: `registration:network:${network}`,
    free: perNetwork * 2 ** width,
    firstDelaySeconds: 30,
    longestDelaySeconds: HOUR,
    forgetAfterSeconds: 2 * HOUR,
  }))

const networksAround = ({ network, widerNetworks }: ClientAddress): readonly string[] => [
  network,
  ...widerNetworks,
]

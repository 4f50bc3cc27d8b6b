import { CLOCKS_APART_SECONDS, secondsAfter } from './session.ts'
import type { User, UserId } from './user.ts'

/** Long enough to find the phone and open the authenticator. */
export const CHALLENGE_LIFETIME_SECONDS = 300

/** Half a sign-in: the password was right, and the second factor is still to be proven. It is not a session. */
export interface SignInChallenge {
  /** Random. Names the challenge when it is spent. */
  readonly id: Uint8Array
  readonly userId: UserId
  readonly passwordVersion: number
  readonly factorsVersion: number
  readonly deviceId: string | undefined
  readonly deviceName: string
  /** Whether the user had signed in with this device id before. Then its guesses have a budget of their own. */
  readonly deviceIsKnown: boolean
  /** The network of the sign-in, if the user had signed in from it before. */
  readonly knownNetwork: string | undefined
  readonly expiresAt: Date
}

export const expiryOfChallenge = (now: Date): Date => secondsAfter(now, CHALLENGE_LIFETIME_SECONDS)

/** One that would live longer than any was made by a clock that was ahead. It has expired as well. */
export const challengeHasExpired = ({ expiresAt }: SignInChallenge, now: Date): boolean =>
  expiresAt <= now || expiresAt > secondsAfter(now, CHALLENGE_LIFETIME_SECONDS + CLOCKS_APART_SECONDS)

/** A change of the password or the factors since the sign-in makes the challenge worthless. */
export const isChallengeOf = (challenge: SignInChallenge, user: User): boolean =>
  challenge.userId === user.id &&
  challenge.passwordVersion === user.passwordVersion &&
  challenge.factorsVersion === user.factorsVersion

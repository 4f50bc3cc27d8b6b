import type { SignInChallenge } from '../../domain/sign-in-challenge.ts'

/**
 * Strings that carry a challenge so that only this service can read or make them. No I/O: nothing is stored. No other kind of
 * token passes for one.
 */
export interface SignInChallenges {
  /** Gives the challenge a random id. */
  issue(content: Omit<SignInChallenge, 'id'>): string

  /** The content, expired or not; undefined for any string that is not a challenge of this service in its one spelling. */
  read(token: string): SignInChallenge | undefined
}

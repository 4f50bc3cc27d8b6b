import type { Device } from '../../domain/device.ts'
import type { OfferedFactor } from '../../domain/second-factor.ts'
import { CHALLENGE_LIFETIME_SECONDS, expiryOfChallenge } from '../../domain/sign-in-challenge.ts'
import type { Clock } from '../ports/clock.ts'
import type { Factors } from '../ports/factors.ts'
import type { SignInChallenges } from '../ports/sign-in-challenges.ts'
import type { CheckedCandidate } from '../users/check-credentials.ts'

export interface IssueChallengeDeps {
  readonly signInChallenges: SignInChallenges
  readonly factors: Factors
  readonly clock: Clock
}

export interface IssuedChallenge {
  /** To be sent with a code. Opaque. */
  readonly challenge: string
  /** The user can enter one of these. */
  readonly factors: readonly OfferedFactor[]
  readonly expiresInSeconds: number
}

/** The challenge for a user whose password was right. It remembers the device, so that the client sends it once. */
export const issueChallenge =
  ({ signInChallenges, factors, clock }: IssueChallengeDeps) =>
  async (
    { user, deviceIsKnown, networkIsKnown }: CheckedCandidate,
    { device, network }: { readonly device: Device; readonly network: string },
  ): Promise<IssuedChallenge> => {
    const { recoveryCodesLeft } = await factors.find(user.id)
    const challenge = signInChallenges.issue({
      userId: user.id,
      passwordVersion: user.passwordVersion,
      factorsVersion: user.factorsVersion,
      deviceId: device.id,
      deviceName: device.name,
      deviceIsKnown,
      knownNetwork: networkIsKnown ? network : undefined,
      expiresAt: expiryOfChallenge(clock.now()),
    })
    return {
      challenge,
      factors: recoveryCodesLeft > 0 ? [...user.factors, 'recovery_code'] : user.factors,
      expiresInSeconds: CHALLENGE_LIFETIME_SECONDS,
    }
  }

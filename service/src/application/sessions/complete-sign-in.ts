import { userActor } from '../../domain/actor.ts'
import { methodsOf } from '../../domain/authentication-methods.ts'
import type { ClientAddress, Device } from '../../domain/device.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { Session } from '../../domain/session.ts'
import { challengeHasExpired, isChallengeOf, type SignInChallenge } from '../../domain/sign-in-challenge.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import type { RefusalBuffer } from '../audit/refusal-buffer.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import { proveFactor, type ProveFactorDeps } from '../factors/prove-factor.ts'
import { readProof, type TypedCodes, type TypedProof } from '../factors/typed-proof.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { SignInChallenges } from '../ports/sign-in-challenges.ts'
import type { Transactions } from '../ports/transactions.ts'
import { refuseDisabled } from '../users/refuse-disabled.ts'
import { refuseField } from '../validate.ts'
import { admitCode } from './admit-code.ts'
import { beginSession, type BeginSessionDeps } from './create-session.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'

export interface CompleteSignInDeps extends BeginSessionDeps, ProveFactorDeps {
  readonly signInChallenges: SignInChallenges
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly attempts: AttemptLimits
  readonly refusals: Pick<RefusalBuffer, 'add'>
}

export interface CompleteSignInInput extends TypedCodes {
  readonly challenge: string
  readonly userAgent: string
  readonly address: ClientAddress
}

export const completeSignInErrors = [
  'validation_failed',
  'challenge_gone',
  'invalid_code',
  'too_many_attempts',
  'user_disabled',
] as const satisfies readonly ErrorCode[]

/**
 * Starts the session of a sign-in whose password was right, with a code or a recovery code. Everything that the sign-in checked
 * is checked again. Throws `challenge_gone` for a challenge that was used, has expired, is not one, or whose user was deleted or
 * changed the password or the factors; `invalid_code`, `too_many_attempts`, `user_disabled`, `validation_failed`.
 */
export const completeSignIn =
  (deps: CompleteSignInDeps) =>
  async (input: CompleteSignInInput): Promise<IssuedTokens> => {
    const proof = readProof(input)
    if (proof === undefined) throw refuseField('code', new InvalidValue('required', 'Send a code.'))
    const now = deps.clock.now()
    const challenge = deps.signInChallenges.read(input.challenge)
    if (challenge === undefined || challengeHasExpired(challenge, now))
      throw new ApplicationError('challenge_gone')
    const about = { action: 'sign_in.refused', subject: challenge.userId } as const
    return noteRefusal(deps)(about, async () => {
      const taken = await admitCode(deps.attempts)({ challenge, proof, address: input.address }, now)
      const session = await startSession(deps, challenge, { input, proof, now })
      // A right code is not a guess. The count of earlier guesses stays, as at the sign-in.
      await deps.attempts.giveBack(taken, now)
      return issueTokens(deps)(session, now)
    })
  }

const startSession = (
  deps: CompleteSignInDeps,
  challenge: SignInChallenge,
  { input, proof, now }: { input: CompleteSignInInput; proof: TypedProof; now: Date },
): Promise<Session> =>
  deps.transactions.transaction(userActor(challenge.userId), async (tx) => {
    const user = await tx.users.lock(challenge.userId)
    if (user === undefined || !isChallengeOf(challenge, user)) throw new ApplicationError('challenge_gone')
    refuseDisabled(user, now)
    // Before the code: a challenge that was used says nothing about codes. A wrong code undoes it.
    if (!(await tx.spentProofs.spend(challenge))) throw new ApplicationError('challenge_gone')
    const method = await proveFactor(deps)(tx, user, proof, now)
    if (method === undefined) throw new ApplicationError('invalid_code')
    const amr = methodsOf(['pwd', method])
    const { network } = input.address
    return beginSession(deps)(tx, user, { device: deviceOf(challenge, input), network, amr, now })
  })

const deviceOf = (
  { deviceId, deviceName }: SignInChallenge,
  { userAgent, address }: CompleteSignInInput,
): Device => ({ id: deviceId, name: deviceName, userAgent, address: address.text })

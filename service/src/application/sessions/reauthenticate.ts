import { userActor } from '../../domain/actor.ts'
import { methodsOf, type FactorMethod } from '../../domain/authentication-methods.ts'
import { sessionReauthenticated } from '../../domain/event.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { Session } from '../../domain/session.ts'
import type { ErrorCode } from '../errors.ts'
import { checkFactor, incorrectCode } from '../factors/check-factor.ts'
import { proveFactor, type ProveFactorDeps } from '../factors/prove-factor.ts'
import { readProof, type TypedCodes, type TypedProof } from '../factors/typed-proof.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from '../users/check-current-password.ts'
import { refuseField } from '../validate.ts'
import type { Caller } from './caller.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'
import { lockCaller } from './lock-caller.ts'
import { renewTokens, type RenewTokensDeps } from './renew-tokens.ts'

export interface ReauthenticateDeps extends CheckCurrentPasswordDeps, RenewTokensDeps, ProveFactorDeps {
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
}

export interface ReauthenticateInput extends TypedCodes {
  readonly currentPassword?: string | undefined
}

export const reauthenticateErrors = [
  'validation_failed',
  'too_many_attempts',
  'overloaded',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Returns tokens with a new `auth_time` to a caller who enters the password, a code or a recovery code again, with an `amr` of
 * just that. Earlier tokens of the session are withdrawn, because a copy of them must not pass for the user who has just
 * entered it. Throws `validation_failed` for what is wrong, `too_many_attempts`.
 */
export const reauthenticate =
  (deps: ReauthenticateDeps) =>
  async (caller: Caller, { currentPassword, ...codes }: ReauthenticateInput): Promise<IssuedTokens> => {
    const proof = readProof(codes)
    if (currentPassword === undefined && proof === undefined) throw nothingSent()
    if (currentPassword !== undefined) await checkCurrentPassword(deps)(caller, currentPassword)
    const renew = () => renewSession(deps, caller, { hasPassword: currentPassword !== undefined, proof })
    const session = proof === undefined ? await renew() : await checkFactor(deps)(caller, renew)
    return issueTokens(deps)(session, session.refreshedAt)
  }

const nothingSent = () =>
  refuseField('current_password', new InvalidValue('required', 'Send the password or a code.'))

const renewSession = (
  deps: ReauthenticateDeps,
  caller: Caller,
  { hasPassword, proof }: { hasPassword: boolean; proof: TypedProof | undefined },
): Promise<Session> =>
  deps.transactions.transaction(userActor(caller.user.id), async (tx) => {
    const { session } = await lockCaller(tx, caller, deps.clock.now())
    const factor = proof === undefined ? [] : [await prove(deps, tx, caller, proof)]
    const amr = methodsOf(hasPassword ? ['pwd', ...factor] : factor)
    const renewed = await renewTokens(deps)(tx, session, { amr })
    await tx.outbox.add([sessionReauthenticated(renewed)])
    return renewed
  })

async function prove(
  deps: ReauthenticateDeps,
  tx: Transaction,
  { user }: Caller,
  proof: TypedProof,
): Promise<FactorMethod> {
  const method = await proveFactor(deps)(tx, user, proof, deps.clock.now())
  if (method === undefined) throw incorrectCode(proof.field)
  return method
}

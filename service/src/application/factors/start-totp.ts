import { userActor } from '../../domain/actor.ts'
import { newFactorsOf } from '../attempt-budgets.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { NewTotpSecret, TotpSecrets } from '../ports/totp-secrets.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import {
  requireRecentAuthentication,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'

export interface StartTotpDeps extends RequireRecentAuthenticationDeps {
  readonly transactions: Transactions
  readonly totpSecrets: TotpSecrets
  readonly attempts: AttemptLimits
}

export const startTotpErrors = [
  'reauthentication_required',
  'too_many_attempts',
  'factor_exists',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Returns a new secret for an authenticator. It is not a factor before a code confirms it, and a later one takes its place.
 * Throws `reauthentication_required`, `factor_exists`, `too_many_attempts`.
 */
export const startTotp =
  (deps: StartTotpDeps) =>
  async (caller: Caller): Promise<NewTotpSecret> => {
    requireRecentAuthentication(deps)(caller)
    await deps.attempts.take([newFactorsOf(caller.user.id)], deps.clock.now())
    const created = await deps.totpSecrets.create(caller.user.id, caller.user.username.text)
    await deps.transactions.transaction(userActor(caller.user.id), async (tx) => {
      const now = deps.clock.now()
      const { user } = await lockCaller(tx, caller, now)
      if (user.factors.includes('totp')) throw new ApplicationError('factor_exists')
      await tx.factors.addPendingTotp(user.id, created.encrypted, now)
    })
    return created
  }

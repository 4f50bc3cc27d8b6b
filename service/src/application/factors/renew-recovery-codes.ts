import { factorAdded } from '../../domain/event.ts'
import { hasFactor, renewRecoveryCodes as renew } from '../../domain/user.ts'
import { newFactorsOf } from '../attempt-budgets.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { RecoveryCodes } from '../ports/recovery-codes.ts'
import type { Caller } from '../sessions/caller.ts'
import {
  requireRecentAuthentication,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'
import { changeFactors, type ChangedFactors, type ChangeFactorsDeps } from './change-factors.ts'

export interface RenewRecoveryCodesDeps extends ChangeFactorsDeps, RequireRecentAuthenticationDeps {
  readonly recoveryCodes: RecoveryCodes
  readonly attempts: AttemptLimits
}

export const renewRecoveryCodesErrors = [
  'reauthentication_required',
  'too_many_attempts',
  'factor_not_found',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Replaces the recovery codes of a caller who has a factor. Throws `reauthentication_required` unless the factor was used
 * recently, `factor_not_found`, `too_many_attempts`.
 */
export const renewRecoveryCodes =
  (deps: RenewRecoveryCodesDeps) =>
  async (caller: Caller): Promise<ChangedFactors> => {
    requireRecentAuthentication(deps)(caller)
    await deps.attempts.take([newFactorsOf(caller.user.id)], deps.clock.now())
    return changeFactors(deps)(caller, async (tx, user, now) => {
      if (!hasFactor(user)) throw new ApplicationError('factor_not_found')
      const recoveryCodes = deps.recoveryCodes.create()
      await tx.factors.replaceRecoveryCodes(user.id, recoveryCodes)
      await tx.outbox.add([factorAdded(user.id, 'recovery_codes', now)])
      return { user: renew(user), recoveryCodes }
    })
  }

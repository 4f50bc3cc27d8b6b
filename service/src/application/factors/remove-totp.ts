import { factorRemoved } from '../../domain/event.ts'
import { removeFactors } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Caller } from '../sessions/caller.ts'
import {
  requireRecentAuthentication,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'
import { changeFactors, type ChangedFactors, type ChangeFactorsDeps } from './change-factors.ts'

export type RemoveTotpDeps = ChangeFactorsDeps & RequireRecentAuthenticationDeps

export const removeTotpErrors = [
  'reauthentication_required',
  'factor_not_found',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Removes the caller's authenticator, and the recovery codes with it. Throws `reauthentication_required` unless the factor was
 * used recently, `factor_not_found`.
 */
export const removeTotp =
  (deps: RemoveTotpDeps) =>
  async (caller: Caller): Promise<ChangedFactors> => {
    requireRecentAuthentication(deps)(caller)
    return changeFactors(deps)(caller, async (tx, user, now) => {
      if (!user.factors.includes('totp')) throw new ApplicationError('factor_not_found')
      await tx.factors.removeAll(user.id)
      await tx.outbox.add([factorRemoved(user.id, 'totp', now)])
      return { user: removeFactors(user, ['totp']) }
    })
  }

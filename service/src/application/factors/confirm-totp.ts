import { factorAdded } from '../../domain/event.ts'
import { mayBeConfirmed } from '../../domain/pending-factor.ts'
import { parseTotpCode } from '../../domain/second-factor.ts'
import { addFactor, hasFactor, type User } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { RecoveryCodes } from '../ports/recovery-codes.ts'
import type { TotpSecrets } from '../ports/totp-secrets.ts'
import type { Transaction } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { changeFactors, type ChangedFactors, type ChangeFactorsDeps } from './change-factors.ts'
import { checkFactor, incorrectCode, type CheckFactorDeps } from './check-factor.ts'

export interface ConfirmTotpDeps extends ChangeFactorsDeps, CheckFactorDeps {
  readonly totpSecrets: TotpSecrets
  readonly recoveryCodes: RecoveryCodes
}

export const confirmTotpErrors = [
  'validation_failed',
  'factor_not_found',
  'too_many_attempts',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Makes the pending secret a factor, with a code that shows that the authenticator has it. The first factor comes with recovery
 * codes. Throws `factor_not_found` if nothing is pending, `validation_failed` for a wrong code, `too_many_attempts`.
 */
export const confirmTotp =
  (deps: ConfirmTotpDeps) =>
  async (caller: Caller, typed: { readonly code: string }): Promise<ChangedFactors> =>
    checkFactor(deps)(caller, () =>
      changeFactors(deps)(caller, async (tx, user, now) => {
        const step = await pendingStep(deps, tx, user, { typed: typed.code, now })
        await tx.factors.confirmTotp(user.id, step, now)
        await tx.outbox.add([factorAdded(user.id, 'totp', now)])
        const changed = { user: addFactor(user, 'totp'), proven: 'otp' } as const
        if (hasFactor(user)) return changed
        const recoveryCodes = deps.recoveryCodes.create()
        await tx.factors.replaceRecoveryCodes(user.id, recoveryCodes)
        return { ...changed, recoveryCodes }
      }),
    )

async function pendingStep(
  { totpSecrets }: ConfirmTotpDeps,
  tx: Transaction,
  user: User,
  { typed, now }: { typed: string; now: Date },
): Promise<number> {
  const stored = await tx.factors.totpOf(user.id)
  const isPending =
    stored?.confirmedAt === undefined && stored !== undefined && mayBeConfirmed(stored.createdAt, now)
  if (!isPending) throw new ApplicationError('factor_not_found')
  const code = parseTotpCode(typed)
  const step = code && totpSecrets.stepOf(stored.secret, user.id, code, now)
  if (step === undefined) throw incorrectCode('code')
  return step
}

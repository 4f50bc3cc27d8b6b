import type { FactorMethod } from '../../domain/authentication-methods.ts'
import { hasFactor, type User } from '../../domain/user.ts'
import type { TotpSecrets } from '../ports/totp-secrets.ts'
import type { Transaction } from '../ports/transactions.ts'
import type { TypedProof } from './typed-proof.ts'

export interface ProveFactorDeps {
  readonly totpSecrets: TotpSecrets
}

/**
 * Uses up what the user typed, and returns the method that it proves; undefined if it proves nothing. The caller has locked
 * the user in `tx` and has counted the attempt.
 */
export const proveFactor =
  (deps: ProveFactorDeps) =>
  async (tx: Transaction, user: User, proof: TypedProof, now: Date): Promise<FactorMethod | undefined> => {
    if (proof.code === undefined || !hasFactor(user)) return undefined
    if (proof.field === 'recovery_code') {
      return (await tx.factors.spendRecoveryCode(user.id, proof.code)) ? 'recovery' : undefined
    }
    const stored = await tx.factors.totpOf(user.id)
    if (stored?.confirmedAt === undefined) return undefined
    const step = deps.totpSecrets.stepOf(stored.secret, user.id, proof.code, now)
    return step !== undefined && (await tx.factors.useStep(user.id, step)) ? 'otp' : undefined
  }

import type { ClientAddress } from '../../domain/device.ts'
import { signInsAt, signInsBy, signInsFrom, signInsTo } from '../attempt-budgets.ts'
import { ApplicationError } from '../errors.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'

interface SignInAttempt {
  /** As typed, and not of the user: a shared budget would reveal which address belongs to which name. */
  readonly name: string
  readonly address: ClientAddress
  /** A device that the user signed in with before. Never one that is only claimed. */
  readonly knownDevice: string | undefined
  readonly canBuy: boolean
}

interface Admission {
  /** Given back if the attempt was not a guess. */
  readonly taken: readonly AttemptBudget[]
  /** The network has no attempts left, so only a user who is known there may sign in. */
  readonly refusal: ApplicationError | undefined
}

/**
 * Counts a sign-in against its budgets (decision 33). Nothing here depends on whether the user exists. Throws
 * `too_many_attempts`.
 */
export const admitSignIn =
  (attempts: AttemptLimits) =>
  async ({ name, address, knownDevice, canBuy }: SignInAttempt, now: Date): Promise<Admission> => {
    const taking = async (
      budgets: readonly AttemptBudget[],
      refusal?: ApplicationError,
    ): Promise<Admission> => {
      await attempts.take(budgets, now)
      return { taken: budgets, refusal }
    }
    // Only the device knows its id, which is random. So guesses of others must not refuse it.
    if (knownDevice !== undefined) return taking([signInsBy(name, knownDevice)])
    const atName = canBuy ? [signInsAt(name, address), signInsTo(name)] : [signInsAt(name, address)]
    try {
      return await taking([...atName, ...signInsFrom(address)])
    } catch (error) {
      if (!(error instanceof ApplicationError && error.code === 'too_many_attempts')) throw error
      return taking(atName, error)
    }
  }

import { userActor } from '../../domain/actor.ts'
import { methodsOf, type FactorMethod } from '../../domain/authentication-methods.ts'
import type { RecoveryCode } from '../../domain/recovery-code.ts'
import type { User } from '../../domain/user.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { issueTokens, type IssuedTokens } from '../sessions/issue-tokens.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { renewTokens, type RenewTokensDeps } from '../sessions/renew-tokens.ts'

export interface ChangeFactorsDeps extends RenewTokensDeps {
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
}

export interface ChangedFactors {
  /** Of the caller's session. Its earlier tokens are refused. */
  readonly tokens: IssuedTokens
  /** A new set, which is shown once; undefined if the recovery codes did not change. */
  readonly recoveryCodes: readonly RecoveryCode[] | undefined
  /** The other live sessions, which the user may want to end. */
  readonly otherSessions: number
}

interface Change {
  /** As it is to be saved. */
  readonly user: User
  readonly recoveryCodes?: readonly RecoveryCode[]
  /** The method that the user proved with the change. */
  readonly proven?: FactorMethod
}

/**
 * Makes a change of the caller's factors, and gives the session new tokens: nothing that was copied before works afterwards
 * (ASVS 7.2.4). The time of the authentication stays: a change of the factors is none.
 */
export const changeFactors =
  (deps: ChangeFactorsDeps) =>
  async (
    caller: Caller,
    change: (tx: Transaction, user: User, now: Date) => Promise<Change>,
  ): Promise<ChangedFactors> => {
    const { renewed, recoveryCodes, otherSessions } = await deps.transactions.transaction(
      userActor(caller.user.id),
      async (tx) => {
        const now = deps.clock.now()
        const { user, session, others } = await lockCaller(tx, caller, now)
        const { user: changed, recoveryCodes, proven } = await change(tx, user, now)
        await tx.users.save(changed)
        const amr = methodsOf(proven === undefined ? session.amr : [...session.amr, proven])
        const renewed = await renewTokens(deps)(tx, session, { amr, authTime: session.authTime })
        return { renewed, recoveryCodes, otherSessions: others.length }
      },
    )
    // After the commit, as for every session.
    const tokens = issueTokens(deps)(renewed, renewed.refreshedAt)
    return { tokens, recoveryCodes, otherSessions }
  }

import { outdatedTokensOf } from '../../domain/revocation.ts'
import { renewSession, type Session, type SessionLimits } from '../../domain/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transaction } from '../ports/transactions.ts'

export interface RenewTokensDeps {
  readonly clock: Clock
  readonly sessionLimits: SessionLimits
  readonly accessTokenTtlSeconds: number
}

/** The methods that the user has proven. Without a time they were proven now. */
export interface Proven {
  readonly amr: readonly string[]
  readonly authTime?: Date
}

/**
 * Withdraws all tokens that a session has, here and at verifiers, after the user proved who they are (ASVS 7.2.4). The caller
 * has locked the session in `tx`, and issues the tokens of the returned session after the commit.
 */
export const renewTokens =
  ({ clock, sessionLimits, accessTokenTtlSeconds }: RenewTokensDeps) =>
  async (tx: Transaction, session: Session, { amr, authTime }: Proven): Promise<Session> => {
    // Read after the lock, so that every withdrawn token was issued before.
    const now = clock.now()
    const renewed = renewSession(session, { amr, authTime: authTime ?? now }, now, sessionLimits.idleSeconds)
    await tx.sessions.saveRefreshed(renewed)
    const outdated = outdatedTokensOf(session, 'tokens_renewed', accessTokenTtlSeconds, now)
    if (outdated !== undefined) await tx.revocations.add([outdated])
    return renewed
  }

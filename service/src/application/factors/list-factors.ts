import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Factors, OwnFactors } from '../ports/factors.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import { ownReadsIn } from '../request-limits.ts'
import type { Caller } from '../sessions/caller.ts'

interface ListFactorsDeps {
  readonly factors: Factors
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export const listFactorsErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/** The caller's factors, and how many recovery codes are left. Throws `too_many_attempts`. */
export const listFactors =
  ({ factors, requestLimits, clock }: ListFactorsDeps) =>
  async ({ user, session }: Caller): Promise<OwnFactors> => {
    requestLimits.count(ownReadsIn(session.id), clock.now())
    return factors.find(user.id)
  }

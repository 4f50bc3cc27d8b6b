import type { Session } from '../../domain/session.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import type { Sessions } from '../ports/sessions.ts'
import { ownReadsIn } from '../request-limits.ts'
import type { Caller } from './caller.ts'

interface ListSessionsDeps {
  readonly sessions: Sessions
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export const listSessionsErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/** The caller's live sessions, newest first. Throws `too_many_attempts`. */
export const listSessions =
  ({ sessions, requestLimits, clock }: ListSessionsDeps) =>
  async ({ user, session }: Caller): Promise<readonly Session[]> => {
    const now = clock.now()
    requestLimits.count(ownReadsIn(session.id), now)
    return sessions.listLive(user.id, now)
  }

import type { Session } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'

/** The user's live sessions, newest first. */
export const listSessions =
  ({ sessions, clock }: { sessions: Sessions; clock: Clock }) =>
  (userId: UserId): Promise<readonly Session[]> =>
    sessions.listLive(userId, clock.now())

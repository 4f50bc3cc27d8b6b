import { SYSTEM } from '../../domain/actor.ts'
import type { SessionKey } from '../ports/sessions.ts'
import type { EndOwnSessionsDeps } from './end-own-sessions.ts'
import { endSessions } from './end-sessions.ts'

export interface EndedBatch {
  readonly ended: number
  /** Where the next batch begins; undefined if no live session is left. */
  readonly next: SessionKey | undefined
}

/** Ends up to `limit` live sessions after `after`, of any users. Repeat it with `next` until that is undefined. */
export const endSessionsOfAllUsers =
  (deps: EndOwnSessionsDeps) =>
  (after: SessionKey | undefined, limit: number): Promise<EndedBatch> =>
    deps.transactions.transaction(SYSTEM, async (tx) => {
      const live = await tx.sessions.lockLiveAfter(after, deps.clock.now(), limit)
      const ended = await endSessions(deps)(tx, live, 'terminated_by_admin')
      const last = live.at(-1)
      return { ended: ended.length, next: last && { userId: last.userId, id: last.id } }
    })

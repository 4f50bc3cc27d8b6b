import type { Actor } from '../../domain/actor.ts'
import { CLOCKS_APART_SECONDS, secondsAfter, type Period } from '../../domain/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { SessionKey, Sessions } from '../ports/sessions.ts'
import type { EndOwnSessionsDeps } from './end-own-sessions.ts'
import { endSessions } from './end-sessions.ts'

export interface EndedBatch {
  readonly ended: number
  /** Where the next batch begins; undefined if no session is left. */
  readonly next: SessionKey | undefined
}

interface BatchOfAllUsers {
  readonly after: SessionKey | undefined
  /** Sessions that began since then go on. Without it, all end. */
  readonly begunAt: Date | undefined
  readonly limit: number
}

/** Ends up to `limit` live sessions after `after`, of any users. Repeat it with `next` until that is undefined. */
export const endSessionsOfAllUsers =
  (deps: EndOwnSessionsDeps) =>
  (actor: Actor, { after, begunAt, limit }: BatchOfAllUsers): Promise<EndedBatch> =>
    deps.transactions.transaction(actor, async (tx) => {
      const now = deps.clock.now()
      const except = begunAt && sinceThen(begunAt, now)
      const { sessions, next } = await tx.sessions.lockLiveAfter({ after, now, except, limit })
      const ended = await endSessions(deps)(tx, sessions, 'terminated_by_admin')
      return { ended: ended.length, next }
    })

/** A session that seems to begin later was made by a clock that was ahead. It is not a new one, so it ends too. */
const sinceThen = (begunAt: Date, now: Date): Period => ({
  after: begunAt,
  until: secondsAfter(now, CLOCKS_APART_SECONDS),
})

/** How many sessions are live. */
export const countAllSessions =
  ({ sessions, clock }: { sessions: Sessions; clock: Clock }) =>
  (): Promise<number> =>
    sessions.countAllLive(clock.now())

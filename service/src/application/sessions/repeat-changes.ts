import { SYSTEM } from '../../domain/actor.ts'
import { isLive, type Session, type SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import { enableUser } from '../users/enable-user.ts'
import { imposeBan, type NewBan } from '../users/impose-ban.ts'
import type { EndOwnSessionsDeps } from './end-own-sessions.ts'
import { endSessionsAgain, type KnownEnd } from './end-sessions-again.ts'

type Ban =
  | { readonly kind: 'disabled'; readonly userId: UserId; readonly ban: NewBan }
  | { readonly kind: 'enabled'; readonly userId: UserId }

/** A change since the backup, which the restored database does not know. */
export type KnownChange = ({ readonly kind: 'ended' } & KnownEnd) | Ban

export interface RepeatedChanges {
  readonly endedAgain: number
  readonly disabled: number
  readonly enabled: number
  /** Bans of users whom the backup does not have. */
  readonly unknownUsers: number
}

type Repeated = Ban['kind'] | 'unknownUsers'

/** How a change is handled. */
interface Handling {
  /** Returns how many sessions ended that had not ended before. */
  readonly end: (ends: readonly KnownEnd[]) => Promise<number>
  readonly ban: (change: Ban) => Promise<Repeated>
}

const SESSIONS_PER_BATCH = 500

/**
 * Makes changes again that a restored backup does not know, in their order: a later change of the same user counts. May be
 * repeated after a crash. Calls `report` with the number of sessions ended so far.
 */
export const repeatChanges =
  (deps: EndOwnSessionsDeps) =>
  (changes: AsyncIterable<KnownChange>, report: (endedAgain: number) => void): Promise<RepeatedChanges> =>
    handleChanges(changes, { end: endSessionsAgain(deps), ban: (change) => repeatBan(deps, change) }, report)

export interface ForeseenChanges extends RepeatedChanges {
  /** Of the sessions that are live now, how many would have ended after these changes. */
  readonly liveThatWouldEnd: number
}

/** Counts what `repeatChanges` would do. Changes nothing. */
export const foreseeChanges =
  ({ transactions, clock }: Pick<EndOwnSessionsDeps, 'transactions' | 'clock'>) =>
  async (changes: AsyncIterable<KnownChange>): Promise<ForeseenChanges> => {
    const now = clock.now()
    const ended = new Set<SessionId>()
    let liveThatWouldEnd = 0
    const noteEnds = (sessions: readonly Session[]): number => {
      const fresh = sessions.filter((session) => session.endedAt === undefined && !ended.has(session.id))
      for (const { id } of fresh) ended.add(id)
      liveThatWouldEnd += fresh.filter((session) => isLive(session, now)).length
      return fresh.length
    }
    const counts = await handleChanges(changes, {
      end: async (ends) =>
        noteEnds(await transactions.transaction(SYSTEM, (tx) => tx.sessions.lockAll(ends))),
      ban: async ({ kind, userId }) => {
        const live = await transactions.transaction(SYSTEM, async (tx) => {
          const user = await tx.users.lock(userId)
          return user === undefined ? undefined : tx.sessions.lockLive(userId, now)
        })
        if (live === undefined) return 'unknownUsers'
        if (kind === 'disabled') noteEnds(live)
        return kind
      },
    })
    return { ...counts, liveThatWouldEnd }
  }

async function handleChanges(
  changes: AsyncIterable<KnownChange>,
  { end, ban }: Handling,
  report?: (endedAgain: number) => void,
): Promise<RepeatedChanges> {
  const counts = { endedAgain: 0, disabled: 0, enabled: 0, unknownUsers: 0 }
  let ends: KnownEnd[] = []
  const endAll = async (): Promise<void> => {
    if (ends.length === 0) return
    counts.endedAgain += await end(ends)
    ends = []
    report?.(counts.endedAgain)
  }
  for await (const change of changes) {
    if (change.kind === 'ended') {
      ends.push(change)
      if (ends.length >= SESSIONS_PER_BATCH) await endAll()
      continue
    }
    await endAll()
    counts[await ban(change)] += 1
  }
  await endAll()
  return counts
}

async function repeatBan(deps: EndOwnSessionsDeps, change: Ban): Promise<Repeated> {
  try {
    // Not disableUser: the ban may be over by now, but must still replace one that the backup has.
    if (change.kind === 'disabled') await imposeBan(deps)(SYSTEM, change.userId, change.ban)
    else await enableUser(deps)(SYSTEM, change.userId)
    return change.kind
  } catch (error) {
    // The user signed up after the backup.
    if (error instanceof ApplicationError && error.code === 'user_not_found') return 'unknownUsers'
    throw error
  }
}

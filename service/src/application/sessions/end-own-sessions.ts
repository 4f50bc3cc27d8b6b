import { userActor } from '../../domain/actor.ts'
import type { SessionId } from '../../domain/session.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from './caller.ts'
import {
  requireRecentAuthentication,
  type RequireRecentAuthenticationDeps,
} from './require-recent-authentication.ts'
import { endSessions, type EndSessionsDeps } from './end-sessions.ts'

export interface EndOwnSessionsDeps extends EndSessionsDeps {
  readonly transactions: Transactions
}

type GuardedDeps = EndOwnSessionsDeps & RequireRecentAuthenticationDeps

export const endOwnSessionErrors = [
  'session_not_found',
  'reauthentication_required',
] as const satisfies readonly ErrorCode[]

/**
 * Ends one session of the caller: with `signed_out` if it is the current one, otherwise with `terminated`. Throws
 * `session_not_found` if the caller has no session with this id, and `reauthentication_required` for any but the current one.
 */
export const endOwnSession =
  (deps: GuardedDeps) =>
  async (caller: Caller, id: SessionId): Promise<void> => {
    const { user, session: current } = caller
    const isCurrent = id === current.id
    if (!isCurrent) requireRecentAuthentication(deps)(caller)
    await deps.transactions.transaction(userActor(user.id), async (tx) => {
      await tx.users.lock(user.id)
      const session = await tx.sessions.lock(user.id, id)
      if (session === undefined) throw new ApplicationError('session_not_found')
      await endSessions(deps)(tx, [session], isCurrent ? 'signed_out' : 'terminated')
    })
  }

export interface EndAllOwnSessionsInput {
  readonly keepCurrent: boolean
  /** For clients that cannot ask for the password again (decision 41). */
  readonly cannotReauthenticate?: boolean
}

export const endAllOwnSessionsErrors = ['reauthentication_required'] as const satisfies readonly ErrorCode[]

/** Ends all sessions of the caller, or all but the current one. Throws `reauthentication_required`. */
export const endAllOwnSessions =
  (deps: GuardedDeps) =>
  async (caller: Caller, input: EndAllOwnSessionsInput): Promise<void> => {
    const { user, session: current } = caller
    const { keepCurrent, cannotReauthenticate = false } = input
    if (!cannotReauthenticate) requireRecentAuthentication(deps)(caller)
    await deps.transactions.transaction(userActor(user.id), async (tx) => {
      await tx.users.lock(user.id)
      const live = await tx.sessions.lockLive(user.id, deps.clock.now())
      const end = endSessions(deps)
      const others = live.filter(({ id }) => id !== current.id)
      await end(tx, others, 'terminated')
      if (keepCurrent) return
      const own = live.filter(({ id }) => id === current.id)
      await end(tx, own, 'signed_out')
    })
  }

import { SYSTEM } from '../../domain/actor.ts'
import type { ClientAddress, Place } from '../../domain/device.ts'
import { refreshTokenReused, sessionRolledForward } from '../../domain/event.ts'
import { judgeRefresh, type RefreshVerdict, type ReusePolicy } from '../../domain/refresh-verdict.ts'
import { movedTo, rollForward, type Session, type SessionLimits } from '../../domain/session.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import type { RefusalBuffer } from '../audit/refusal-buffer.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { Clock } from '../ports/clock.ts'
import type { RefreshTokenContent, RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import { endSessions } from './end-sessions.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'

export interface RefreshSessionDeps {
  readonly sessions: Sessions
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly refusals: Pick<RefusalBuffer, 'add'>
  readonly clock: Clock
  readonly sessionLimits: SessionLimits
  readonly reusePolicy: ReusePolicy
  readonly accessTokenTtlSeconds: number
}

export interface RefreshSessionInput {
  readonly refreshToken: string
  readonly address: ClientAddress
  readonly userAgent: string
}

export interface RefreshedTokens extends IssuedTokens {
  /** `repeated`: the last pair again, with the session unchanged. `rolled_forward`: the token was newer than the session. */
  readonly result: 'rotated' | 'repeated' | 'rolled_forward'
}

export const refreshSessionErrors = [
  'invalid_refresh_token',
  'session_ended',
  'refresh_token_reused',
] as const satisfies readonly ErrorCode[]

/**
 * Returns the session's next pair of tokens, or the same pair again when the last response was lost. A token that is newer
 * than the session proves that the database was set back: the session follows the token. Throws
 * `invalid_refresh_token`, `session_ended` with the reason, or, after ending the session, `refresh_token_reused`.
 */
export const refreshSession =
  (deps: RefreshSessionDeps) =>
  async ({ refreshToken, address, userAgent }: RefreshSessionInput): Promise<RefreshedTokens> => {
    const presented = deps.refreshTokens.verify(refreshToken)
    if (presented === undefined) throw new ApplicationError('invalid_refresh_token')
    const from = { address: address.text, userAgent }
    const about = { subject: presented.userId, session: presented.sessionId }
    return noteRefusal(deps)({ action: 'refresh.refused', ...about }, () => refresh(deps, presented, from))
  }

async function refresh(
  deps: RefreshSessionDeps,
  presented: RefreshTokenContent,
  from: Place,
): Promise<RefreshedTokens> {
  const now = deps.clock.now()
  // The update comes first, since it checks and changes in one step. A verdict from an earlier read could be outdated.
  const rotated = await rotate(deps, presented, from, now)
  if (rotated !== undefined) return { ...rotated, result: 'rotated' }

  const found = await deps.sessions.find(presented.userId, presented.sessionId)
  if (found === undefined) throw new ApplicationError('invalid_refresh_token')
  const verdict = judgeRefresh(found.session, presented.generation, deps.reusePolicy, now)
  switch (verdict.kind) {
    case 'repeat':
      return { ...issueTokens(deps)(found.session, now), result: 'repeated' }
    case 'replay':
    case 'roll_forward':
    case 'rotate':
      return settle(deps, presented, from, now)
    case 'unknown':
    case 'ended':
      throw refusal(verdict)
  }
}

/** The usual case, one statement. Returns undefined when the token is not the session's current one. */
async function rotate(
  deps: RefreshSessionDeps,
  { userId, sessionId, generation }: RefreshTokenContent,
  from: Place,
  now: Date,
): Promise<IssuedTokens | undefined> {
  const { idleSeconds } = deps.sessionLimits
  const rotated = await deps.sessions.rotate({ userId, sessionId, generation, now, idleSeconds, from })
  return rotated && issueTokens(deps)(rotated, now)
}

/**
 * Ends the session whose spent token came back, or moves it to the generation of a newer token. The verdict is made again
 * under the lock, since the session may have changed: a parallel refresh may even have made the token the current one. The end is committed before the caller is refused: a throw inside the
 * transaction would undo it.
 */
async function settle(
  deps: RefreshSessionDeps,
  { userId, sessionId, generation }: RefreshTokenContent,
  from: Place,
  now: Date,
): Promise<RefreshedTokens> {
  // Nobody knows who presents a spent token, the user or a thief. So the service acts by its own rule.
  const settled = await deps.transactions.transaction(SYSTEM, async (tx) => {
    await tx.users.lock(userId)
    const locked = await tx.sessions.lock(userId, sessionId)
    const verdict = judgeRefresh(locked, generation, deps.reusePolicy, now)
    if (locked === undefined) return { kind: 'unknown' } as const
    switch (verdict.kind) {
      case 'replay':
        await tx.outbox.add([refreshTokenReused(locked, generation, from, now)])
        await endSessions(deps)(tx, [locked], 'refresh_token_reused')
        return verdict
      case 'roll_forward':
        await tx.outbox.add([sessionRolledForward(locked, generation, from.address, now)])
        return {
          result: 'rolled_forward',
          session: await saveNext(deps, tx, locked, { generation, from, now }),
        } as const
      case 'rotate':
        return {
          result: 'rotated',
          session: await saveNext(deps, tx, locked, { generation, from, now }),
        } as const
      case 'repeat':
        return { result: 'repeated', session: locked } as const
      case 'unknown':
      case 'ended':
        return verdict
    }
  })
  if ('kind' in settled) throw refusal(settled)
  return { ...issueTokens(deps)(settled.session, now), result: settled.result }
}

async function saveNext(
  { sessionLimits }: RefreshSessionDeps,
  tx: Transaction,
  session: Session,
  { generation, from, now }: { generation: number; from: Place; now: Date },
): Promise<Session> {
  const next = movedTo(rollForward(session, generation, now, sessionLimits.idleSeconds), from)
  await tx.sessions.saveRefreshed(next)
  return next
}

type Refused = Extract<RefreshVerdict, { kind: 'unknown' | 'ended' | 'replay' }>

function refusal(verdict: Refused): ApplicationError {
  switch (verdict.kind) {
    case 'unknown':
      return new ApplicationError('invalid_refresh_token')
    case 'ended':
      return new ApplicationError('session_ended', { reason: verdict.reason })
    case 'replay':
      return new ApplicationError('refresh_token_reused')
  }
}

import type { ClientAddress } from '../../domain/device.ts'
import { refreshTokenReused } from '../../domain/event.ts'
import { judgeRefresh, type RefreshVerdict, type ReusePolicy } from '../../domain/refresh-verdict.ts'
import type { SessionLimits } from '../../domain/session.ts'
import { ApplicationError } from '../errors.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { Clock } from '../ports/clock.ts'
import type { RefreshTokenContent, RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Transactions } from '../ports/transactions.ts'
import { endSessions } from './end-sessions.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'

export interface RefreshSessionDeps {
  readonly sessions: Sessions
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly clock: Clock
  readonly sessionLimits: SessionLimits
  readonly reusePolicy: ReusePolicy
  readonly accessTokenTtlSeconds: number
}

export interface RefreshSessionInput {
  readonly refreshToken: string
  readonly address: ClientAddress
}

export interface RefreshedTokens extends IssuedTokens {
  /** Whether the session was left as it was: its last pair again. */
  readonly isRepeat: boolean
}

/**
 * Answers a refresh token with the session's next pair of tokens, or with the same pair again when the last answer
 * was lost. Throws `invalid_refresh_token`, `session_ended` with the reason, or, after ending the session,
 * `refresh_token_reused`.
 */
export const refreshSession =
  (deps: RefreshSessionDeps) =>
  async ({ refreshToken, address }: RefreshSessionInput): Promise<RefreshedTokens> => {
    const presented = deps.refreshTokens.open(refreshToken)
    if (presented === undefined) throw new ApplicationError('invalid_refresh_token')
    const now = deps.clock.now()
    const rotated = await rotate(deps, presented, now)
    if (rotated !== undefined) return { ...rotated, isRepeat: false }

    const found = await deps.sessions.find(presented.userId, presented.sessionId)
    const verdict = judgeRefresh(found?.session, presented.generation, deps.reusePolicy, now)
    if (verdict.kind === 'repeat' && found !== undefined) {
      return { ...issueTokens(deps)(found.session, now), isRepeat: true }
    }
    throw refusal(verdict.kind === 'replay' ? await endReplayed(deps, presented, address, now) : verdict)
  }

/** The usual case, one statement. Answers undefined when the token is not the session's current one. */
async function rotate(
  deps: RefreshSessionDeps,
  { userId, sessionId, generation }: RefreshTokenContent,
  now: Date,
): Promise<IssuedTokens | undefined> {
  const { idleSeconds } = deps.sessionLimits
  const rotated = await deps.sessions.rotate({ userId, sessionId, generation, now, idleSeconds })
  return rotated && issueTokens(deps)(rotated, now)
}

/** Ends the session whose spent token came back; committed before the caller is refused. */
function endReplayed(
  deps: RefreshSessionDeps,
  { userId, sessionId, generation }: RefreshTokenContent,
  address: ClientAddress,
  now: Date,
): Promise<RefreshVerdict> {
  return deps.transactions.transaction(async (tx) => {
    await tx.users.lock(userId)
    const session = await tx.sessions.lock(userId, sessionId)
    const verdict = judgeRefresh(session, generation, deps.reusePolicy, now)
    if (session !== undefined && verdict.kind === 'replay') {
      await tx.outbox.add([refreshTokenReused(session, generation, address.text, now)])
      await endSessions(deps)(tx, [session], 'refresh_token_reused')
    }
    return verdict
  })
}

function refusal(verdict: RefreshVerdict): ApplicationError {
  if (verdict.kind === 'ended') return new ApplicationError('session_ended', { reason: verdict.reason })
  if (verdict.kind === 'replay') return new ApplicationError('refresh_token_reused')
  if (verdict.kind === 'unknown') return new ApplicationError('invalid_refresh_token')
  // The session changed between two looks at it: not the caller's fault, so not a 401 that would sign them out.
  return new ApplicationError('unavailable', { retryAfterSeconds: 1 })
}

import { judgeRefresh, type ReusePolicy } from '../../domain/refresh-verdict.ts'
import { runsOutAt, type Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import { authenticate, type AuthenticateDeps, type Caller } from './authenticate.ts'

export interface IntrospectTokenDeps extends AuthenticateDeps {
  readonly refreshTokens: RefreshTokens
  readonly reusePolicy: ReusePolicy
}

export type Introspection =
  | { readonly kind: 'access'; readonly caller: Caller }
  | {
      readonly kind: 'refresh'
      readonly user: User
      readonly session: Session
      readonly generation: number
      readonly expiresAt: Date
    }

/**
 * Who a token of either kind stands for; undefined for one that would be refused now, for whatever reason (RFC 7662). Only
 * looks: a spent refresh token that is asked about ends nothing. An access token counts as used, since somebody sent it.
 */
export const introspectToken =
  (deps: IntrospectTokenDeps) =>
  async (token: string): Promise<Introspection | undefined> => {
    const content = deps.refreshTokens.open(token)
    if (content === undefined) return introspectAccessToken(deps, token)
    const found = await deps.sessions.find(content.userId, content.sessionId)
    const now = deps.clock.now()
    const verdict = judgeRefresh(found?.session, content.generation, deps.reusePolicy, now)
    if (found === undefined || (verdict.kind !== 'rotate' && verdict.kind !== 'repeat')) return undefined
    return { kind: 'refresh', ...found, generation: content.generation, expiresAt: runsOutAt(found.session) }
  }

async function introspectAccessToken(
  deps: IntrospectTokenDeps,
  token: string,
): Promise<Introspection | undefined> {
  try {
    return { kind: 'access', caller: await authenticate(deps)(token) }
  } catch (error) {
    const isRefused =
      error instanceof ApplicationError && ['invalid_access_token', 'session_ended'].includes(error.code)
    if (isRefused) return undefined
    throw error
  }
}

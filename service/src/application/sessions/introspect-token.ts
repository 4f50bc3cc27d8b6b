import { judgeRefresh, type ReusePolicy } from '../../domain/refresh-verdict.ts'
import { expiryOf, type Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { Caller } from './caller.ts'
import { checkAccessToken, type CheckAccessTokenDeps } from './check-access-token.ts'

export interface IntrospectTokenDeps extends CheckAccessTokenDeps {
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
 * Returns the holder of an access or refresh token; undefined if the token would be refused now for any reason (RFC
 * 7662). Introspection of a spent refresh token ends nothing. Introspection of an access token counts as its use, since
 * a client has sent it somewhere.
 */
export const introspectToken =
  (deps: IntrospectTokenDeps) =>
  async (token: string): Promise<Introspection | undefined> => {
    const content = deps.refreshTokens.verify(token)
    if (content === undefined) return introspectAccessToken(deps, token)
    const found = await deps.sessions.find(content.userId, content.sessionId)
    if (found === undefined) return undefined
    const now = deps.clock.now()
    const verdict = judgeRefresh(found.session, content.generation, deps.reusePolicy, now)
    switch (verdict.kind) {
      case 'rotate':
      case 'repeat':
      case 'roll_forward':
        return {
          kind: 'refresh',
          user: found.user,
          session: found.session,
          generation: content.generation,
          expiresAt: expiryOf(found.session),
        }
      case 'unknown':
      case 'ended':
      case 'replay':
        return undefined
    }
  }

async function introspectAccessToken(
  deps: IntrospectTokenDeps,
  token: string,
): Promise<Introspection | undefined> {
  const verdict = await checkAccessToken(deps)(token)
  switch (verdict.kind) {
    case 'valid':
      return { kind: 'access', caller: verdict.caller }
    case 'invalid':
    case 'ended':
      return undefined
  }
}

import type { Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import type { AccessClaims } from '../ports/access-tokens.ts'

/** The user who makes a request, with the session and the access token it is made with. */
export interface Caller {
  readonly user: User
  readonly session: Session
  readonly token: Pick<AccessClaims, 'generation' | 'issuedAt' | 'expiresAt'>
}

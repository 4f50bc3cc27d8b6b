import type { Caller } from '../../application/sessions/authenticate.ts'
import type { Introspection } from '../../application/sessions/introspect-token.ts'
import type { IssuedTokens } from '../../application/sessions/issue-tokens.ts'
import type { ExportedUser } from '../../application/users/export-user.ts'
import type { InspectedUser } from '../../application/users/inspect-users.ts'
import { runsOutAt, type Session, type SessionId } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { avatarFileOf } from './avatar-files.ts'

// What leaves the service, field by field: nothing is shown because it happened to be there.

export const avatar = (user: User, publicUrl: string) => ({
  avatar_url: `${publicUrl}/media/avatars/${avatarFileOf(user)}`,
})

export const publicUser = (user: User, publicUrl: string) => ({
  id: user.id,
  username: user.username.text,
  ...avatar(user, publicUrl),
})

export const ownUser = (user: User, publicUrl: string) => ({
  ...publicUser(user, publicUrl),
  email: user.email.text,
  email_verified: user.emailVerified,
  created_at: user.createdAt.toISOString(),
})

export const inspectedUser = ({ user, liveSessions }: InspectedUser, publicUrl: string) => ({
  ...ownUser(user, publicUrl),
  roles: [...user.roles],
  disabled_at: user.disabledAt?.toISOString() ?? null,
  disabled_reason: user.disabledReason ?? null,
  live_sessions: liveSessions,
})

export const exportedUser = ({ user, sessions, events }: ExportedUser, publicUrl: string) => ({
  user: {
    ...ownUser(user, publicUrl),
    roles: [...user.roles],
    password: `kept as ${user.passwordHash.startsWith('$argon2id$') ? 'an argon2id' : 'an imported'} hash`,
  },
  sessions: sessions.map((one) => ({
    ...session(one, undefined),
    device_id: one.device.id ?? null,
    ended_at: one.endedAt?.toISOString() ?? null,
    end_reason: one.endReason ?? null,
  })),
  events: events.map(({ type, occurredAt, data }) => ({
    type,
    occurred_at: occurredAt.toISOString(),
    data: { ...data },
  })),
})

export const session = (session: Session, current: SessionId | undefined) => ({
  id: session.id,
  device_name: session.device.name,
  user_agent: session.device.userAgent,
  ip: session.device.address,
  created_at: session.createdAt.toISOString(),
  last_seen_at: session.lastSeenAt.toISOString(),
  expires_at: runsOutAt(session).toISOString(),
  current: session.id === current,
})

export const tokens = (issued: IssuedTokens) => ({
  access_token: issued.accessToken,
  token_type: 'Bearer' as const,
  expires_in: secondsBetween(issued.issuedAt, issued.accessExpiresAt),
  refresh_token: issued.refreshToken,
  refresh_expires_in: secondsBetween(issued.issuedAt, issued.refreshExpiresAt),
  session: session(issued.session, issued.session.id),
})

export const platformTokens = ({ accessToken, refreshToken }: IssuedTokens) => ({
  access_token: accessToken,
  refresh_token: refreshToken,
})

export interface TokenSettings {
  readonly tokenIssuer: string
  readonly tokenAudience: string | undefined
}

/** The claims of the access token the caller came with, and what is true of the person now. */
export const claims = ({ user, session, token }: Caller, settings: TokenSettings) => ({
  ...subject(user, session, settings),
  gen: token.generation,
  iat: numericDate(token.issuedAt),
  exp: numericDate(token.expiresAt),
})

/** RFC 7662, section 2.2: of a token that is not active nothing is told. */
export const introspection = (found: Introspection | undefined, settings: TokenSettings) => {
  if (found === undefined) return { active: false }
  if (found.kind === 'access') {
    return { active: true, token_type: 'Bearer' as const, ...claims(found.caller, settings) }
  }
  return {
    active: true,
    token_type: 'refresh_token' as const,
    ...subject(found.user, found.session, settings),
    gen: found.generation,
    exp: numericDate(found.expiresAt),
  }
}

const subject = (user: User, session: Session, { tokenIssuer, tokenAudience }: TokenSettings) => ({
  iss: tokenIssuer,
  ...(tokenAudience !== undefined && { aud: tokenAudience }),
  sub: String(user.id),
  user_id: user.id,
  sid: session.id,
  auth_time: numericDate(session.authTime),
  amr: [...session.amr],
  roles: [...user.roles],
})

/** NumericDate of RFC 7519. */
const numericDate = (time: Date): number => Math.floor(+time / 1000)

const secondsBetween = (start: Date, end: Date): number =>
  Math.floor((end.getTime() - start.getTime()) / 1000)

import type { IssuedTokens } from '../../application/sessions/issue-tokens.ts'
import { runsOutAt, type Session, type SessionId } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'

// What leaves the service, field by field: nothing is shown because it happened to be there.

export const publicUser = (user: User, publicUrl: string) => ({
  id: user.id,
  username: user.username.text,
  avatar_url: `${publicUrl}/media/avatars/default.png`,
})

export const ownUser = (user: User, publicUrl: string) => ({
  ...publicUser(user, publicUrl),
  email: user.email.text,
  email_verified: user.emailVerified,
  created_at: user.createdAt.toISOString(),
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

const secondsBetween = (start: Date, end: Date): number => Math.floor((+end - +start) / 1000)

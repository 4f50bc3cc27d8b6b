import type { ChangedFactors } from '../../application/factors/change-factors.ts'
import type { RecordedEvent } from '../../application/ports/events.ts'
import type { OwnFactors } from '../../application/ports/factors.ts'
import type { Caller } from '../../application/sessions/caller.ts'
import type { Introspection } from '../../application/sessions/introspect-token.ts'
import type { IssuedChallenge } from '../../application/sessions/issue-challenge.ts'
import type { IssuedTokens } from '../../application/sessions/issue-tokens.ts'
import type { InspectedUser } from '../../application/users/inspect-users.ts'
import { dataForUser } from '../../domain/data-for-user.ts'
import type { EmailChange } from '../../domain/email-change.ts'
import { shownRecoveryCode } from '../../domain/recovery-code.ts'
import { expiryOf, type Session, type SessionId } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { AVATARS_PATH, avatarFileOf } from './avatar-files.ts'

// The bodies of responses, field by field, so that a new field of an entity is not published by accident.

export const avatar = (user: User, publicUrl: string) => ({
  avatar_url: `${publicUrl}${AVATARS_PATH}/${avatarFileOf(user)}`,
})

export const publicUser = (user: User, publicUrl: string) => ({
  id: user.id,
  username: user.username.text,
  ...avatar(user, publicUrl),
})

export const ownUser = (user: User, publicUrl: string) => ({
  ...publicUser(user, publicUrl),
  email: user.email?.text ?? null,
  email_verified: user.emailVerified,
  created_at: user.createdAt.toISOString(),
})

export const inspectedUser = ({ user, ban, liveSessions }: InspectedUser, publicUrl: string) => ({
  ...ownUser(user, publicUrl),
  roles: [...user.roles],
  factors: [...user.factors],
  disabled_at: ban?.since.toISOString() ?? null,
  disabled_until: ban?.until?.toISOString() ?? null,
  disabled_reason: ban?.reason ?? null,
  disabled_public_reason: ban?.publicReason ?? null,
  live_sessions: liveSessions,
})

export const exportedUser = (user: User, publicUrl: string) => ({
  ...ownUser(user, publicUrl),
  roles: [...user.roles],
  password: `kept as ${user.passwordHash.startsWith('$argon2id$') ? 'an argon2id' : 'an imported'} hash`,
})

export const exportedEmailChange = ({ previous, previousWasVerified, changedAt }: EmailChange) => ({
  email: previous.text,
  email_verified: previousWasVerified,
  changed_at: changedAt.toISOString(),
})

export const exportedSession = (session: Session) => ({
  ...shownSession(session),
  device_id: session.device.id ?? null,
  ended_at: session.endedAt?.toISOString() ?? null,
  end_reason: session.endReason ?? null,
})

export const exportedEvent = ({ type, occurredAt, data }: RecordedEvent) => ({
  type,
  occurred_at: occurredAt.toISOString(),
  data: dataForUser(type, data),
})

export const session = (session: Session, current: SessionId | undefined) => ({
  ...shownSession(session),
  current: session.id === current,
})

const shownSession = (session: Session) => ({
  id: session.id,
  device_name: session.device.name,
  user_agent: session.device.userAgent,
  ip: session.device.address,
  last_user_agent: session.lastPlace.userAgent,
  last_ip: session.lastPlace.address,
  created_at: session.createdAt.toISOString(),
  last_seen_at: session.lastSeenAt.toISOString(),
  expires_at: expiryOf(session).toISOString(),
})

export const tokens = (issued: IssuedTokens) => ({
  access_token: issued.accessToken,
  token_type: 'Bearer' as const,
  expires_in: secondsBetween(issued.issuedAt, issued.accessExpiresAt),
  refresh_token: issued.refreshToken,
  refresh_expires_in: secondsBetween(issued.issuedAt, issued.refreshExpiresAt),
  session: session(issued.session, issued.session.id),
})

export const challenge = ({ challenge, factors, expiresInSeconds }: IssuedChallenge) => ({
  challenge,
  factors: [...factors],
  expires_in: expiresInSeconds,
})

export const factors = ({ totpAddedAt, recoveryCodesLeft }: OwnFactors) => ({
  items: totpAddedAt === undefined ? [] : [{ kind: 'totp' as const, added_at: totpAddedAt.toISOString() }],
  recovery_codes_left: recoveryCodesLeft,
})

export const changedFactors = ({ tokens: issued, recoveryCodes, otherSessions }: ChangedFactors) => ({
  ...tokens(issued),
  other_sessions: otherSessions,
  ...(recoveryCodes && { recovery_codes: recoveryCodes.map(shownRecoveryCode) }),
})

export const platformTokens = ({ accessToken, refreshToken }: IssuedTokens) => ({
  access_token: accessToken,
  refresh_token: refreshToken,
})

export interface TokenSettings {
  readonly tokenIssuer: string
  readonly tokenAudience: string | undefined
}

/** The claims of the caller's access token, with the user's present roles. */
export const claims = ({ user, session, token }: Caller, settings: TokenSettings) => ({
  ...subject(user, session, settings),
  gen: token.generation,
  iat: numericDate(token.issuedAt),
  exp: numericDate(token.expiresAt),
})

/** RFC 7662, section 2.2: the response says nothing more about a token that is not active. */
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

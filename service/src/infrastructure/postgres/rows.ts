import type { Insertable, Selectable } from 'kysely'
import type { StoredEvent } from '../../application/ports/deliveries.ts'
import type { Ban } from '../../domain/ban.ts'
import type { EmailAddress } from '../../domain/email-address.ts'
import type { PasswordHash } from '../../domain/password.ts'
import type { FactorKind } from '../../domain/second-factor.ts'
import type { EndReason, Session, SessionId } from '../../domain/session.ts'
import { expiryOf } from '../../domain/session.ts'
import type { NewUser, User, UserId } from '../../domain/user.ts'
import type { Username } from '../../domain/username.ts'
import type { Schema, SessionRow, UserRow } from './schema.ts'

// Values were parsed before they were written, so they are read without parsing them again.

export function toUser(row: Selectable<UserRow>): User {
  return {
    id: row.id as UserId,
    username: { text: row.username, key: row.username_key } as Username,
    email: toEmail(row),
    emailVerified: row.email_verified,
    emailVersion: row.email_version,
    passwordHash: row.password_hash as PasswordHash,
    passwordVersion: row.password_version,
    factors: row.factors as FactorKind[],
    factorsVersion: row.factors_version,
    roles: row.roles,
    createdAt: row.created_at,
    ban: toBan(row),
    avatar: row.avatar ?? undefined,
    deletedAt: row.deleted_at ?? undefined,
  }
}

const toEmail = ({ email, email_key: key }: Selectable<UserRow>): EmailAddress | undefined =>
  email === null ? undefined : ({ text: email, key } as EmailAddress)

const toBan = (row: Selectable<UserRow>): Ban | undefined =>
  row.disabled_at === null
    ? undefined
    : {
        since: row.disabled_at,
        reason: row.disabled_reason ?? '',
        publicReason: row.disabled_public_reason ?? undefined,
        until: row.disabled_until ?? undefined,
      }

export const fromUser = (user: NewUser): Insertable<UserRow> => ({
  username: user.username.text,
  username_key: user.username.key,
  email: user.email?.text ?? null,
  email_key: user.email?.key ?? null,
  email_verified: user.emailVerified,
  email_version: user.emailVersion,
  password_hash: user.passwordHash,
  password_version: user.passwordVersion,
  factors: [...user.factors],
  factors_version: user.factorsVersion,
  roles: [...user.roles],
  created_at: user.createdAt,
  disabled_at: user.ban?.since ?? null,
  disabled_reason: user.ban?.reason ?? null,
  disabled_public_reason: user.ban?.publicReason ?? null,
  disabled_until: user.ban?.until ?? null,
  avatar: user.avatar ?? null,
  deleted_at: user.deletedAt ?? null,
})

export function toSession(row: Omit<Selectable<SessionRow>, 'check_after'>): Session {
  return {
    id: row.id as SessionId,
    userId: row.user_id as UserId,
    generation: row.generation,
    oldestGeneration: row.oldest_generation,
    confirmedGeneration: row.confirmed_generation,
    createdAt: row.created_at,
    refreshedAt: row.refreshed_at,
    lastSeenAt: row.last_seen_at,
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at ?? undefined,
    endReason: (row.end_reason ?? undefined) as EndReason | undefined,
    device: {
      id: row.device_id ?? undefined,
      name: row.device_name,
      userAgent: row.user_agent,
      address: row.address,
    },
    lastPlace: {
      address: row.last_address ?? row.address,
      userAgent: row.last_user_agent ?? row.user_agent,
    },
    authTime: row.auth_time,
    amr: row.amr,
    roles: row.roles,
  }
}

/** Null for what is as it was at the sign-in. */
export const fromLastPlace = ({ lastPlace, device }: Session) => ({
  last_address: lastPlace.address === device.address ? null : lastPlace.address,
  last_user_agent: lastPlace.userAgent === device.userAgent ? null : lastPlace.userAgent,
})

export const fromSession = (session: Session): Insertable<SessionRow> => ({
  user_id: session.userId,
  id: session.id,
  generation: session.generation,
  oldest_generation: session.oldestGeneration,
  confirmed_generation: session.confirmedGeneration,
  created_at: session.createdAt,
  refreshed_at: session.refreshedAt,
  last_seen_at: session.lastSeenAt,
  idle_expires_at: session.idleExpiresAt,
  expires_at: session.expiresAt,
  check_after: expiryOf(session),
  ended_at: session.endedAt ?? null,
  end_reason: session.endReason ?? null,
  device_id: session.device.id ?? null,
  device_name: session.device.name,
  user_agent: session.device.userAgent,
  address: session.device.address,
  ...fromLastPlace(session),
  auth_time: session.authTime,
  amr: [...session.amr],
  roles: [...session.roles],
})

export type EventRow = Omit<Selectable<Schema['outbox']>, 'id' | 'is_dispatched'>

export const toStoredEvent = (row: EventRow): StoredEvent =>
  ({
    id: row.event_id,
    version: row.version,
    actor: row.actor ?? undefined,
    type: row.type,
    userId: row.user_id,
    occurredAt: row.occurred_at,
    data: row.data,
  }) as unknown as StoredEvent

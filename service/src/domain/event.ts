import type { Ban } from './ban.ts'
import type { Place } from './device.ts'
import type { FactorKind } from './second-factor.ts'
import type { Session } from './session.ts'
import type { User, UserId } from './user.ts'

type TokenOfAnotherGeneration = {
  session_id: string
  presented_generation: number
  /** The session's own, before the refresh. */
  generation: number
  address: string
}

/** A new set of recovery codes counts as a factor that was added. */
export type ChangedFactor = FactorKind | 'recovery_codes'

/** Something that happened to a user or a session, delivered to the event consumers. Names and shapes are stable. */
export type DomainEvent = { readonly userId: UserId; readonly occurredAt: Date } & (
  | {
      readonly type: 'user.created'
      /** `invitation_id` only if registration is by invitation. */
      readonly data: { username: string; invitation_id?: number }
    }
  | {
      readonly type: 'user.updated'
      readonly data: { username: string; changed: readonly ('username' | 'email' | 'avatar')[] }
    }
  | {
      /** There is an earlier address that was verified. Added before `user.updated`. */
      readonly type: 'user.email_changed'
      /** Counts the addresses that the user has had: the version of the new one. */
      readonly data: { email_version: number }
    }
  | { readonly type: 'user.email_change_undone'; readonly data: Record<string, never> }
  | { readonly type: 'user.email_verification_requested'; readonly data: { email_version: number } }
  | { readonly type: 'user.email_verified'; readonly data: Record<string, never> }
  | { readonly type: 'user.password_changed'; readonly data: { session_id: string } }
  | { readonly type: 'user.password_reset_requested'; readonly data: { password_version: number } }
  | { readonly type: 'user.password_reset'; readonly data: Record<string, never> }
  | {
      readonly type: 'user.disabled'
      /** `reason` is for operators, `public_reason` for the user. `until` is null for a ban without an end. */
      readonly data: { reason: string; public_reason: string | null; until: string | null }
    }
  | {
      readonly type: 'user.enabled'
      /** The operator's own words; null if there are none, or the ban ended by itself. */
      readonly data: { note: string | null }
    }
  | { readonly type: 'user.roles_changed'; readonly data: { roles: readonly string[] } }
  | { readonly type: 'user.factor_added'; readonly data: { factor: ChangedFactor } }
  | { readonly type: 'user.factor_removed'; readonly data: { factor: FactorKind } }
  | { readonly type: 'user.deleted'; readonly data: Record<string, never> }
  | {
      readonly type: 'session.created'
      readonly data: {
        session_id: string
        device_name: string
        /** The user had sessions before, none from this network and none with this device id. */
        is_new_place: boolean
      }
    }
  | { readonly type: 'session.reauthenticated'; readonly data: { session_id: string } }
  | { readonly type: 'session.ended'; readonly data: { session_id: string; reason: string } }
  | {
      readonly type: 'session.refresh_token_reused'
      readonly data: TokenOfAnotherGeneration & {
        /** Whether the session signed in, or was refreshed last, from this address. */
        known_address: boolean
        /** Whether it did so with this user agent. */
        known_user_agent: boolean
      }
    }
  | { readonly type: 'session.rolled_forward'; readonly data: TokenOfAnotherGeneration }
)

export const userCreated = (user: User, invitationId?: number): DomainEvent => ({
  type: 'user.created',
  userId: user.id,
  occurredAt: user.createdAt,
  data: {
    username: user.username.text,
    ...(invitationId !== undefined && { invitation_id: invitationId }),
  },
})

export const userUpdated = (
  user: User,
  changed: readonly ('username' | 'email' | 'avatar')[],
  now: Date,
): DomainEvent => ({
  type: 'user.updated',
  userId: user.id,
  occurredAt: now,
  data: { username: user.username.text, changed },
})

export const passwordChanged = (session: Session, now: Date): DomainEvent => ({
  type: 'user.password_changed',
  userId: session.userId,
  occurredAt: now,
  data: { session_id: session.id },
})

/** `emailVersion` is that of the new address. */
export const emailChanged = (userId: UserId, emailVersion: number, now: Date): DomainEvent => ({
  type: 'user.email_changed',
  userId,
  occurredAt: now,
  data: { email_version: emailVersion },
})

export const emailChangeUndone = (userId: UserId, now: Date): DomainEvent => ({
  type: 'user.email_change_undone',
  userId,
  occurredAt: now,
  data: {},
})

export const emailVerificationRequested = (userId: UserId, emailVersion: number, now: Date): DomainEvent => ({
  type: 'user.email_verification_requested',
  userId,
  occurredAt: now,
  data: { email_version: emailVersion },
})

export const emailVerified = (userId: UserId, now: Date): DomainEvent => ({
  type: 'user.email_verified',
  userId,
  occurredAt: now,
  data: {},
})

export const passwordResetRequested = (user: User, now: Date): DomainEvent => ({
  type: 'user.password_reset_requested',
  userId: user.id,
  occurredAt: now,
  data: { password_version: user.passwordVersion },
})

/** The user set a new password by a link from a mail. */
export const passwordReset = (userId: UserId, now: Date): DomainEvent => ({
  type: 'user.password_reset',
  userId,
  occurredAt: now,
  data: {},
})

export const userDisabled = (userId: UserId, ban: Ban): DomainEvent => ({
  type: 'user.disabled',
  userId,
  occurredAt: ban.since,
  data: {
    reason: ban.reason,
    public_reason: ban.publicReason ?? null,
    until: ban.until?.toISOString() ?? null,
  },
})

export const userEnabled = (userId: UserId, note: string | undefined, now: Date): DomainEvent => ({
  type: 'user.enabled',
  userId,
  occurredAt: now,
  data: { note: note ?? null },
})

export const userRolesChanged = (user: User, now: Date): DomainEvent => ({
  type: 'user.roles_changed',
  userId: user.id,
  occurredAt: now,
  data: { roles: user.roles },
})

export const factorAdded = (userId: UserId, factor: ChangedFactor, now: Date): DomainEvent => ({
  type: 'user.factor_added',
  userId,
  occurredAt: now,
  data: { factor },
})

export const factorRemoved = (userId: UserId, factor: FactorKind, now: Date): DomainEvent => ({
  type: 'user.factor_removed',
  userId,
  occurredAt: now,
  data: { factor },
})

export const userDeleted = (user: User, now: Date): DomainEvent => ({
  type: 'user.deleted',
  userId: user.id,
  occurredAt: now,
  data: {},
})

export const sessionCreated = (session: Session, isNewPlace: boolean): DomainEvent => ({
  type: 'session.created',
  userId: session.userId,
  occurredAt: session.createdAt,
  data: { session_id: session.id, device_name: session.device.name, is_new_place: isNewPlace },
})

/** The user proved again who they are. `session` is the renewed one. */
export const sessionReauthenticated = (session: Session): DomainEvent => ({
  type: 'session.reauthenticated',
  userId: session.userId,
  occurredAt: session.authTime,
  data: { session_id: session.id },
})

export const sessionEnded = (session: Session, now: Date): DomainEvent => ({
  type: 'session.ended',
  userId: session.userId,
  occurredAt: now,
  data: { session_id: session.id, reason: session.endReason ?? 'expired' },
})

/** A security event: an attacker may hold a copy of the session's tokens. */
export const refreshTokenReused = (
  session: Session,
  presented: number,
  { address, userAgent }: Place,
  now: Date,
): DomainEvent => ({
  type: 'session.refresh_token_reused',
  userId: session.userId,
  occurredAt: now,
  data: {
    session_id: session.id,
    presented_generation: presented,
    generation: session.generation,
    address,
    known_address: [session.device.address, session.lastPlace.address].includes(address),
    known_user_agent: [session.device.userAgent, session.lastPlace.userAgent].includes(userAgent),
  },
})

/** The token is genuine and newer than the session: the database was set back. */
export const sessionRolledForward = (
  session: Session,
  presented: number,
  address: string,
  now: Date,
): DomainEvent => ({
  type: 'session.rolled_forward',
  userId: session.userId,
  occurredAt: now,
  data: { session_id: session.id, presented_generation: presented, generation: session.generation, address },
})

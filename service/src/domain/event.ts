import type { Session } from './session.ts'
import type { User, UserId } from './user.ts'

/** Something that happened to a person or a session, told to whoever listens. Names and shapes are stable. */
export type DomainEvent = { readonly userId: UserId; readonly occurredAt: Date } & (
  | { readonly type: 'user.created'; readonly data: { username: string } }
  | {
      readonly type: 'user.updated'
      readonly data: { username: string; changed: readonly ('username' | 'email' | 'avatar')[] }
    }
  | { readonly type: 'user.password_changed'; readonly data: { session_id: string } }
  | { readonly type: 'user.disabled'; readonly data: { reason: string } }
  | { readonly type: 'user.enabled'; readonly data: Record<string, never> }
  | { readonly type: 'user.roles_changed'; readonly data: { roles: readonly string[] } }
  | { readonly type: 'user.deleted'; readonly data: Record<string, never> }
  | { readonly type: 'session.created'; readonly data: { session_id: string; device_name: string } }
  | { readonly type: 'session.ended'; readonly data: { session_id: string; reason: string } }
  | {
      readonly type: 'session.refresh_token_reused'
      readonly data: { session_id: string; presented_generation: number; generation: number; address: string }
    }
)

export const userCreated = (user: User): DomainEvent => ({
  type: 'user.created',
  userId: user.id,
  occurredAt: user.createdAt,
  data: { username: user.username.text },
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

export const userDisabled = (user: User, reason: string, now: Date): DomainEvent => ({
  type: 'user.disabled',
  userId: user.id,
  occurredAt: now,
  data: { reason },
})

export const userEnabled = (user: User, now: Date): DomainEvent => ({
  type: 'user.enabled',
  userId: user.id,
  occurredAt: now,
  data: {},
})

export const userRolesChanged = (user: User, now: Date): DomainEvent => ({
  type: 'user.roles_changed',
  userId: user.id,
  occurredAt: now,
  data: { roles: user.roles },
})

export const userDeleted = (user: User, now: Date): DomainEvent => ({
  type: 'user.deleted',
  userId: user.id,
  occurredAt: now,
  data: {},
})

export const sessionCreated = (session: Session): DomainEvent => ({
  type: 'session.created',
  userId: session.userId,
  occurredAt: session.createdAt,
  data: { session_id: session.id, device_name: session.device.name },
})

export const sessionEnded = (session: Session, now: Date): DomainEvent => ({
  type: 'session.ended',
  userId: session.userId,
  occurredAt: now,
  data: { session_id: session.id, reason: session.endReason ?? 'expired' },
})

/** A security event: a copy of the session's tokens is in somebody else's hands. */
export const refreshTokenReused = (
  session: Session,
  presented: number,
  address: string,
  now: Date,
): DomainEvent => ({
  type: 'session.refresh_token_reused',
  userId: session.userId,
  occurredAt: now,
  data: { session_id: session.id, presented_generation: presented, generation: session.generation, address },
})

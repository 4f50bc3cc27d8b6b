import type { Device, Place } from './device.ts'
import type { UserId } from './user.ts'

declare const brand: unique symbol

/** A UUID, version 7 (RFC 9562). */
export type SessionId = string & { readonly [brand]: 'SessionId' }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const parseSessionId = (text: string): SessionId | undefined =>
  UUID.test(text) ? (text as SessionId) : undefined

/** More often than any session is refreshed in its time. */
const GENERATION_LIMIT = 2 ** 31

/** Reads a generation from a token or a receipt; undefined if no session can have it. */
export const parseGeneration = (value: unknown): number | undefined =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < GENERATION_LIMIT
    ? Number(value)
    : undefined

/** Every way a session ends. Closed: clients, verifiers and operators branch on these words. */
export const END_REASONS = [
  'signed_out',
  'terminated',
  'terminated_by_admin',
  'replaced',
  'displaced',
  'password_changed',
  'credentials_changed',
  'refresh_token_reused',
  'user_disabled',
  'user_deleted',
  'expired',
] as const

export type EndReason = (typeof END_REASONS)[number]

export interface SessionLimits {
  /** A session that is not refreshed for this many seconds expires. */
  readonly idleSeconds: number
  /** A session expires this many seconds after its sign-in, however often it is refreshed. */
  readonly absoluteSeconds: number
}

/** One user signed in on one device. */
export interface Session {
  readonly id: SessionId
  readonly userId: UserId
  /** How often it was refreshed: 0 at sign-in. The refresh token carries the same number. */
  readonly generation: number
  /** The first generation whose tokens are accepted. Earlier ones were withdrawn (see `renewSession`). */
  readonly oldestGeneration: number
  /** The highest generation whose access token was used. */
  readonly confirmedGeneration: number
  readonly createdAt: Date
  readonly refreshedAt: Date
  readonly lastSeenAt: Date
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: EndReason | undefined
  readonly device: Device
  /** Where the last refresh came from, or else the sign-in. */
  readonly lastPlace: Place
  /** When the user authenticated by the methods in `amr`; the time of the first one, if they were not used together. */
  readonly authTime: Date
  /** How the user authenticated (RFC 8176). */
  readonly amr: readonly string[]
  /** A copy of the user's roles, changed together with them. A token of an older generation may have older roles. */
  readonly roles: readonly string[]
}

export function startSession(
  { id, userId, device, amr, roles }: Pick<Session, 'id' | 'userId' | 'device' | 'amr' | 'roles'>,
  limits: SessionLimits,
  now: Date,
): Session {
  const expiresAt = secondsAfter(now, limits.absoluteSeconds)
  return {
    id,
    userId,
    generation: 0,
    oldestGeneration: 0,
    confirmedGeneration: 0,
    createdAt: now,
    refreshedAt: now,
    lastSeenAt: now,
    idleExpiresAt: earlier(secondsAfter(now, limits.idleSeconds), expiresAt),
    expiresAt,
    endedAt: undefined,
    endReason: undefined,
    device,
    lastPlace: { address: device.address, userAgent: device.userAgent },
    authTime: now,
    amr,
    roles,
  }
}

/** The session after a refresh: the next generation, with a new idle limit that never passes the absolute one. */
export const refreshSession = (session: Session, now: Date, idleSeconds: number): Session => ({
  ...session,
  generation: session.generation + 1,
  refreshedAt: now,
  idleExpiresAt: earlier(secondsAfter(now, idleSeconds), session.expiresAt),
})

/** The session after a refresh from this place. */
export const movedTo = (session: Session, { address, userAgent }: Place): Session => ({
  ...session,
  lastPlace: { address, userAgent },
})

/**
 * The session after its user proved again who they are. A copy of an earlier token is worth nothing from now on: it may have
 * been stolen.
 */
export function renewSession(
  session: Session,
  { authTime, amr }: Pick<Session, 'authTime' | 'amr'>,
  now: Date,
  idleSeconds: number,
): Session {
  const next = refreshSession(session, now, idleSeconds)
  return { ...next, oldestGeneration: next.generation, authTime, amr }
}

/** Whether tokens of this generation were withdrawn. Their session may be live. */
export const isWithdrawn = (session: Session, generation: number): boolean =>
  generation < session.oldestGeneration

/**
 * The session after a refresh with a token of the later generation `presented`. The generation after it is the successor that
 * the token would have had, so a copy of an older token does not become valid again.
 */
export const rollForward = (session: Session, presented: number, now: Date, idleSeconds: number): Session =>
  refreshSession({ ...session, generation: presented }, now, idleSeconds)

/** When the session expires unless it is refreshed. None of its tokens is valid for longer. */
export const expiryOf = (session: Session): Date => earlier(session.idleExpiresAt, session.expiresAt)

export const isExpired = (session: Session, now: Date): boolean => expiryOf(session) <= now

export const isLive = (session: Session, now: Date): boolean =>
  session.endedAt === undefined && !isExpired(session, now)

export interface Period {
  /** Not part of it. */
  readonly after: Date
  readonly until: Date
}

export const beganWithin = ({ createdAt }: Session, { after, until }: Period): boolean =>
  createdAt > after && createdAt <= until

/** The end reason of a session that is not live: `expired` if it expired and is not marked as ended. */
export const endReasonOf = (session: Session): EndReason => session.endReason ?? 'expired'

/** Ends a session. An ended session keeps its first reason and time; an expired one gets the reason `expired`. */
export function endSession(session: Session, reason: EndReason, now: Date): Session {
  if (session.endedAt !== undefined) return session
  return { ...session, endedAt: now, endReason: isExpired(session, now) ? 'expired' : reason }
}

/** The clocks of two instances differ by less than this. */
export const CLOCKS_APART_SECONDS = 60

/**
 * Whether the user proved who they are at most this many seconds ago. A refresh proves nothing, nor does an authentication in
 * the future: the clock was ahead then, and has been set right.
 */
export const isAuthenticatedRecently = ({ authTime }: Session, now: Date, maxAgeSeconds: number): boolean =>
  now <= secondsAfter(authTime, maxAgeSeconds) && authTime <= secondsAfter(now, CLOCKS_APART_SECONDS)

const NOWHERE: Place = { address: '0.0.0.0', userAgent: '' }

/** A session of a deleted user, without the data that identifies or locates them. */
export const forgetDevice = (session: Session): Session => ({
  ...session,
  device: { id: undefined, name: '', ...NOWHERE },
  lastPlace: NOWHERE,
})

/** The longest unused sessions, which must end before another one may start. */
export function displacedBy(live: readonly Session[], maximum: number): readonly Session[] {
  const surplus = live.length - maximum + 1
  if (surplus <= 0) return []
  return live.toSorted((a, b) => lastUse(a) - lastUse(b)).slice(0, surplus)
}

const lastUse = (session: Session): number => Math.max(+session.lastSeenAt, +session.refreshedAt)

export const secondsAfter = (time: Date, seconds: number): Date => new Date(time.getTime() + seconds * 1000)

export const later = (a: Date, b: Date): Date => (a.getTime() > b.getTime() ? a : b)

export const earlier = (a: Date, b: Date): Date => (a.getTime() < b.getTime() ? a : b)

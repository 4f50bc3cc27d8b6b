import type { Device } from './device.ts'
import type { UserId } from './user.ts'

declare const brand: unique symbol

/** A UUID, version 7 (RFC 9562). */
export type SessionId = string & { readonly [brand]: 'SessionId' }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const parseSessionId = (text: string): SessionId | undefined =>
  UUID.test(text) ? (text as SessionId) : undefined

/** More often than any session is refreshed in its time. */
const GENERATION_LIMIT = 2 ** 31

/** Reads a generation out of a token or a report; undefined when no session can have it. */
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
  /** A session that is not refreshed for so long runs out. */
  readonly idleSeconds: number
  /** A session runs out so long after its sign-in, however often it is refreshed. */
  readonly absoluteSeconds: number
}

/** One person signed in on one device. */
export interface Session {
  readonly id: SessionId
  readonly userId: UserId
  /** How often it was refreshed: 0 at sign-in. The refresh token carries the same number. */
  readonly generation: number
  /** The highest generation that somebody has shown to hold, by using its access token. */
  readonly confirmedGeneration: number
  readonly createdAt: Date
  readonly refreshedAt: Date
  readonly lastSeenAt: Date
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: EndReason | undefined
  readonly device: Device
  readonly authTime: Date
  /** How the person proved who they are (RFC 8176). */
  readonly amr: readonly string[]
  /** A copy of the person's, changed with them: a token's generation tells whether it has the present ones. */
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
    confirmedGeneration: 0,
    createdAt: now,
    refreshedAt: now,
    lastSeenAt: now,
    idleExpiresAt: earlier(secondsAfter(now, limits.idleSeconds), expiresAt),
    expiresAt,
    endedAt: undefined,
    endReason: undefined,
    device,
    authTime: now,
    amr,
    roles,
  }
}

/** When the session runs out by itself; no token of it lives longer. */
export const runsOutAt = (session: Session): Date => earlier(session.idleExpiresAt, session.expiresAt)

export const hasRunOut = (session: Session, now: Date): boolean => runsOutAt(session) <= now

export const isLive = (session: Session, now: Date): boolean =>
  session.endedAt === undefined && !hasRunOut(session, now)

/** Why a session that is not live is not: its end reason, or `expired` when it ran out unmarked. */
export const endReasonOf = (session: Session): EndReason => session.endReason ?? 'expired'

/** Ends a session. One that ended before keeps its first reason and time; one that has run out has `expired`. */
export function endSession(session: Session, reason: EndReason, now: Date): Session {
  if (session.endedAt !== undefined) return session
  return { ...session, endedAt: now, endReason: hasRunOut(session, now) ? 'expired' : reason }
}

/** Long enough to sign in and fill in a form. */
const RECENT_SIGN_IN_SECONDS = 5 * 60

/** The password was asked for on this very session, so short a time ago that it need not be again. */
export const isSignedInRecently = ({ authTime }: Session, now: Date): boolean =>
  now < secondsAfter(authTime, RECENT_SIGN_IN_SECONDS)

/** What is left of a session of a deleted person: nothing that says who or where they were. */
export const forgetDevice = (session: Session): Session => ({
  ...session,
  device: { id: undefined, name: '', userAgent: '', address: '0.0.0.0' },
})

/** The sessions that have to make room before another one may start: the longest unused ones. */
export function displacedBy(live: readonly Session[], maximum: number): readonly Session[] {
  const surplus = live.length - maximum + 1
  if (surplus <= 0) return []
  return live.toSorted((a, b) => lastUse(a) - lastUse(b)).slice(0, surplus)
}

const lastUse = (session: Session): number => Math.max(+session.lastSeenAt, +session.refreshedAt)

export const secondsAfter = (time: Date, seconds: number): Date => new Date(time.getTime() + seconds * 1000)

export const earlier = (a: Date, b: Date): Date => (a.getTime() < b.getTime() ? a : b)

import type { SessionId } from '../domain/session.ts'
import type { UserId } from '../domain/user.ts'
import type { RequestLimit } from './ports/request-limits.ts'

/** Fast enough for a search box that asks at every letter. */
export const searchesOf = (userId: UserId): RequestLimit => ({ key: `search:${userId}`, perMinute: 120 })

/** Enough to show a long list of users. Reading all users by rising number takes long. */
export const lookUpsOf = (userId: UserId): RequestLimit => ({ key: `look-up:${userId}`, perMinute: 600 })

/** Enough to look for a name that is free. Changes that succeed are counted for all instances (attempt-budgets.ts). */
export const nameTriesOf = (userId: UserId): RequestLimit => ({ key: `name:${userId}`, perMinute: 30 })

/** The own account and the list of sessions: ten times what a client needs that asks every second. */
export const ownReadsIn = (sessionId: SessionId): RequestLimit => ({
  key: `own-read:${sessionId}`,
  perMinute: 600,
})

/** Enough for a device that reconnects every second. */
export const ticketsOf = (sessionId: SessionId): RequestLimit => ({
  key: `ticket:${sessionId}`,
  perMinute: 60,
})

import { z } from 'zod'
import type { SessionKey } from '../../../application/ports/sessions.ts'
import { parseSessionId, type SessionId } from '../../../domain/session.ts'
import { parseUserId, type UserId } from '../../../domain/user.ts'
import { opaqueCursor } from '../opaque-cursor.ts'
import { isInCommonEra } from '../time-field.ts'

/** Where the next call goes on, and when the first one was made. */
interface Continuation {
  readonly begunAt: Date
  readonly after: SessionKey
}

const content = z.tuple([z.int().nonnegative(), z.int(), z.string().max(64)])

function read(value: unknown): Continuation | undefined {
  const { success, data } = content.safeParse(value)
  if (!success) return undefined
  const [time, user, session] = data
  const [begunAt, userId, id] = [new Date(time), parseUserId(user), parseSessionId(session)]
  if (userId === undefined || id === undefined || !isInCommonEra(begunAt)) return undefined
  return { begunAt, after: { userId, id } }
}

const { cursor, nextCursor, ...continuations } = opaqueCursor<Continuation>(
  { read, write: ({ begunAt, after }) => [begunAt.getTime(), after.userId, after.id] },
  {
    begunAt: new Date('2026-01-23T10:32:38.000Z'),
    after: { userId: 17 as UserId, id: '019bd0a4-5a3c-7c7e-9a53-1c7f5a1f7e11' as SessionId },
  },
)
export const { nextCursorOf, startOfPage } = continuations

export const endingQuery = z.strictObject({
  cursor: cursor.meta({ description: 'The `next_cursor` of the previous call.' }),
})

export const endedSessions = z
  .object({
    ended: z.int().meta({ description: 'The number of sessions that this call ended.', examples: [500] }),
    next_cursor: nextCursor.meta({ description: 'Send it with the next call; null if all have ended.' }),
  })
  .meta({ id: 'EndedSessions' })

export const sessionCount = z
  .object({ live: z.int().meta({ description: 'The number of live sessions.', examples: [40_213] }) })
  .meta({ id: 'SessionCount' })

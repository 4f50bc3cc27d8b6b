import { z } from 'zod'
import type { SessionKey } from '../../../application/ports/sessions.ts'
import { parseSessionId } from '../../../domain/session.ts'
import { parseUserId } from '../../../domain/user.ts'

/** Where the next call goes on, and when the first one was made. */
export interface Continuation {
  readonly begunAt: Date
  readonly after: SessionKey
}

// Opaque to clients, so that the content may change.
const content = z.tuple([z.int().nonnegative(), z.int(), z.string().max(64)])

export const encodeContinuation = ({ begunAt, after }: Continuation): string =>
  Buffer.from(JSON.stringify([begunAt.getTime(), after.userId, after.id])).toString('base64url')

/** Undefined for a text that is not a cursor of ours. */
export function decodeContinuation(text: string): Continuation | undefined {
  const { success, data } = content.safeParse(parsed(Buffer.from(text, 'base64url').toString()))
  if (!success) return undefined
  const [time, user, session] = data
  const [begunAt, userId, id] = [new Date(time), parseUserId(user), parseSessionId(session)]
  if (userId === undefined || id === undefined || Number.isNaN(begunAt.getTime())) return undefined
  return { begunAt, after: { userId, id } }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const EXAMPLE = 'WzE3NjkxNjQzNTgwMDAsMTcsIjAxOWJkMGE0LTVhM2MtN2M3ZS05YTUzLTFjN2Y1YTFmN2UxMSJd'

export const endingQuery = z.strictObject({
  cursor: z
    .string()
    .max(512)
    .refine((text) => decodeContinuation(text) !== undefined)
    .optional()
    .meta({ description: 'The `next_cursor` of the previous call.', examples: [EXAMPLE] }),
})

export const endedSessions = z
  .object({
    ended: z.int().meta({ description: 'The number of sessions that this call ended.', examples: [500] }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'Send it with the next call; null if all have ended.', examples: [EXAMPLE] }),
  })
  .meta({ id: 'EndedSessions' })

export const sessionCount = z
  .object({ live: z.int().meta({ description: 'The number of live sessions.', examples: [40_213] }) })
  .meta({ id: 'SessionCount' })

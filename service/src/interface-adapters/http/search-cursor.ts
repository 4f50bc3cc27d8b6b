import { z } from 'zod'
import { MATCHES, type SearchPlace } from '../../domain/user-search.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'

// Opaque to clients, so that what it is made of may change. It holds nothing the client has not seen.

const EXAMPLE = 'WzEsImFubiIsMTdd'

const content = z.tuple([z.enum(MATCHES), z.string().max(64), z.int()])

export const cursor = z
  .string()
  .max(512)
  .refine((text) => readCursor(text) !== undefined)
  .optional()
  .meta({ description: 'As `next_cursor` of the last page.', examples: [EXAMPLE] })

export const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'For the next page; null after the last.', examples: [EXAMPLE] })

export const writeCursor = ({ match, ending, userId }: SearchPlace): string =>
  Buffer.from(JSON.stringify([match, ending, userId])).toString('base64url')

/** Undefined for what no search has answered. */
export function readCursor(text: string): SearchPlace | undefined {
  const { success, data } = content.safeParse(parsed(Buffer.from(text, 'base64url').toString()))
  if (!success) return undefined
  const [match, ending, id] = data
  const userId: UserId | undefined = parseUserId(id)
  return userId === undefined || !isStorable(ending) ? undefined : { match, ending, userId }
}

/** What PostgreSQL can take as text. */
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

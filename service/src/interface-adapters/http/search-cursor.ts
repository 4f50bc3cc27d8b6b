import { z } from 'zod'
import { MATCHES, type SearchCursor } from '../../domain/user-search.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'

// Opaque to clients, so that the content may change. It holds only values the client has already seen.

const encode = ({ match, ending, userId }: SearchCursor): string =>
  Buffer.from(JSON.stringify([match, ending, userId])).toString('base64url')

const EXAMPLE = encode({ match: 'prefix', ending: 'ann_example', userId: 17 as UserId })

const content = z.tuple([z.enum(MATCHES), z.string().max(64), z.int()])

export const cursor = z
  .string()
  .max(512)
  .refine((text) => decodeCursor(text) !== undefined)
  .optional()
  .meta({ description: 'The `next_cursor` of the previous page.', examples: [EXAMPLE] })

export const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'The cursor of the next page; null on the last page.', examples: [EXAMPLE] })

/** The cursor of the next page; null if there is none. */
export const nextCursorOf = (next: SearchCursor | undefined): string | null =>
  next === undefined ? null : encode(next)

/** The start of the page that a request asks for; undefined for the first page. */
export const startOfPage = (cursor: string | undefined): SearchCursor | undefined =>
  cursor === undefined ? undefined : decodeCursor(cursor)

/** Undefined for a text that is not a cursor of ours. */
function decodeCursor(text: string): SearchCursor | undefined {
  const { success, data } = content.safeParse(parsed(Buffer.from(text, 'base64url').toString()))
  if (!success) return undefined
  const [match, ending, id] = data
  const userId: UserId | undefined = parseUserId(id)
  return userId === undefined || !isStorable(ending) ? undefined : { match, ending, userId }
}

/** Whether PostgreSQL can store the text. */
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

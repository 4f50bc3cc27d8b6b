import { z } from 'zod'
import { MATCHES, type SearchCursor } from '../../domain/user-search.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'
import { opaqueCursor, type CursorContent } from './opaque-cursor.ts'
import { isStorable } from './storable-text.ts'

const content = z.tuple([z.enum(MATCHES), z.string().max(64), z.int()])

function read(value: unknown): SearchCursor | undefined {
  const { success, data } = content.safeParse(value)
  if (!success) return undefined
  const [match, ending, id] = data
  const userId: UserId | undefined = parseUserId(id)
  return userId === undefined || !isStorable(ending) ? undefined : { match, ending, userId }
}

export const searchCursorContent: CursorContent<SearchCursor> = {
  read,
  write: ({ match, ending, userId }) => [match, ending, userId],
}

export const { cursor, nextCursor, nextCursorOf, startOfPage } = opaqueCursor<SearchCursor>(
  searchCursorContent,
  { match: 'prefix', ending: 'ann_example', userId: 17 as UserId },
)

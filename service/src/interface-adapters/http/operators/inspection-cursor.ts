import { refuseField } from '../../../application/validate.ts'
import { InvalidValue } from '../../../domain/invalid-value.ts'
import type { SearchCursor } from '../../../domain/user-search.ts'
import { parseUserId, type UserId } from '../../../domain/user.ts'
import { opaqueCursor } from '../opaque-cursor.ts'
import { searchCursorContent } from '../search-cursor.ts'

/** A place among the matches of a search, or the last user of a page of the list. */
export type InspectionCursor = SearchCursor | UserId

export const { cursor, nextCursor, nextCursorOf, startOfPage } = opaqueCursor<InspectionCursor>(
  {
    read: (content) => (Array.isArray(content) ? searchCursorContent.read(content) : parseUserId(content)),
    write: (place) => (typeof place === 'number' ? place : searchCursorContent.write(place)),
  },
  17 as UserId,
)

/** The place in the list. Throws `validation_failed` for a cursor of a search. */
export function placeInList(place: InspectionCursor | undefined): UserId | undefined {
  if (typeof place === 'object') throw ofAnotherQuery()
  return place
}

/** The place among the matches. Throws `validation_failed` for a cursor of the list. */
export function placeInSearch(place: InspectionCursor | undefined): SearchCursor | undefined {
  if (typeof place === 'number') throw ofAnotherQuery()
  return place
}

const ofAnotherQuery = () =>
  refuseField(
    'cursor',
    new InvalidValue('invalid_format', 'This cursor is from another query. Repeat the query without it.'),
  )

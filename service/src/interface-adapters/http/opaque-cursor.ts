import { z } from 'zod'

/** The content of a cursor. `read` returns undefined for content that `write` cannot have made. */
export interface CursorContent<Place> {
  readonly write: (place: Place) => unknown
  readonly read: (content: unknown) => Place | undefined
}

/**
 * Cursors of a list, opaque to clients, so that their content may change. They are not signed: put only values into them
 * that the client has already seen.
 */
export function opaqueCursor<Place>({ write, read }: CursorContent<Place>, example: Place) {
  const encode = (place: Place): string => Buffer.from(JSON.stringify(write(place))).toString('base64url')
  const decode = (text: string): Place | undefined => read(parsed(Buffer.from(text, 'base64url').toString()))
  const examples = [encode(example)]
  return {
    /** The parameter of a query. */
    cursor: z
      .string()
      .max(512)
      .refine((text) => decode(text) !== undefined)
      .optional()
      .meta({ description: 'The `next_cursor` of the previous page.', examples }),

    /** The field of a page. */
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'The cursor of the next page; null on the last page.', examples }),

    /** The cursor of the next page; null if there is none. */
    nextCursorOf: (next: Place | undefined): string | null => (next === undefined ? null : encode(next)),

    /** The start of the page that a request asks for; undefined for the first page. */
    startOfPage: (cursor: string | undefined): Place | undefined =>
      cursor === undefined ? undefined : decode(cursor),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

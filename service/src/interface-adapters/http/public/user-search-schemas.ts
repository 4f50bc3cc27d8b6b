import { z } from 'zod'
import { cursor, nextCursor } from '../search-cursor.ts'
import { usernamePart, usersPerPage } from '../search-schemas.ts'
import { publicUser } from '../user-schemas.ts'

export const search = z.object({ username: usernamePart, limit: usersPerPage, cursor })

export const foundUsers = z
  .object({ items: z.array(publicUser), next_cursor: nextCursor })
  .meta({ id: 'FoundUsers' })

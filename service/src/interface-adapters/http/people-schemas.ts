import { z } from 'zod'
import * as schemas from './schemas.ts'
import { cursor, nextCursor } from './search-cursor.ts'

const LOOKUP_AT_MOST = 1_000
/** So many of the longest ids, spaces between them included. */
export const LOOKUP_LIMIT_BYTES = 32 * 1024
const PAGE_AT_MOST = 100
const PAGE = 20

const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(PAGE_AT_MOST)
  .default(PAGE)
  .meta({ description: `At most so many, up to ${PAGE_AT_MOST}.`, examples: [PAGE] })

const username = z
  .string()
  .min(1)
  .max(128)
  .meta({
    description: 'A part of a username, in any case. Every character means itself.',
    examples: ['ann'],
  })

export const search = z.object({ username, limit, cursor })

export const inspection = z.object({
  username: username.optional(),
  email: z
    .string()
    .max(512)
    .optional()
    .meta({ description: 'A whole e-mail address.', examples: ['ann@example.org'] }),
  limit,
  cursor,
})

export const foundUsers = z
  .object({ items: z.array(schemas.publicUser), next_cursor: nextCursor })
  .meta({ id: 'FoundUsers' })

export const lookup = z
  .object({
    ids: z
      .array(z.int().positive())
      .max(LOOKUP_AT_MOST)
      .meta({ description: 'Up to 1,000.', examples: [[17, 18]] }),
  })
  .meta({ id: 'Lookup' })

export const lookedUp = z.object({ items: z.array(schemas.publicUser) }).meta({ id: 'LookedUp' })

const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })
const timeOrNull = z.iso
  .datetime()
  .nullable()
  .meta({ examples: ['2026-01-31T12:00:00.000Z'] })

export const inspectedUser = schemas.ownUser
  .extend({
    roles: z.array(z.string()).meta({ examples: [['moderator']] }),
    disabled_at: timeOrNull,
    disabled_reason: z
      .string()
      .nullable()
      .meta({ examples: ['Spam'] }),
    live_sessions: z.int().meta({ description: 'On so many devices they are signed in.', examples: [2] }),
  })
  .meta({ id: 'InspectedUser', description: 'What operators see of a person.' })

export const inspectedUsers = z
  .object({ items: z.array(inspectedUser), next_cursor: nextCursor })
  .meta({ id: 'InspectedUsers' })

export const deletion = z
  .object({
    current_password: z
      .string()
      .max(1024)
      .meta({ examples: ['correct horse battery staple'] }),
  })
  .meta({ id: 'Deletion' })

export const exported = z
  .object({
    user: schemas.ownUser.extend({
      roles: z.array(z.string()).meta({ examples: [['moderator']] }),
      password: z.string().meta({ description: 'How it is kept.', examples: ['kept as an argon2id hash'] }),
    }),
    sessions: z.array(
      schemas.session.omit({ current: true }).extend({
        device_id: z
          .string()
          .nullable()
          .meta({ examples: ['0b7c1f0e-5a0c-4a6e-9a53-1c7f5a1f7e11'] }),
        ended_at: timeOrNull,
        end_reason: z
          .string()
          .nullable()
          .meta({ examples: ['signed_out'] }),
      }),
    ),
    events: z
      .array(
        z.object({
          type: z.string().meta({ examples: ['session.created'] }),
          occurred_at: time,
          data: z.record(z.string(), z.unknown()).meta({ examples: [{ device_name: 'Firefox on Linux' }] }),
        }),
      )
      .meta({ description: 'What happened lately and is on its way to other services.' }),
  })
  .meta({ id: 'Export', description: 'Everything that is held about a person.' })

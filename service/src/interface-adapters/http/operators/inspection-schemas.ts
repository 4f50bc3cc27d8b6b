import { z } from 'zod'
import { EMAIL_ADDRESS_LIMIT } from '../../../domain/email-address.ts'
import { usernamePart, usersPerPage } from '../search-schemas.ts'
import { textField } from '../text-field.ts'
import { ownUser } from '../user-schemas.ts'
import { cursor, nextCursor } from './inspection-cursor.ts'

export const inspection = z.strictObject({
  username: usernamePart.optional(),
  email: textField(EMAIL_ADDRESS_LIMIT, 'ann@example.org', 'A complete e-mail address.').optional(),
  disabled: z
    .literal('true')
    .optional()
    .meta({ description: 'List only disabled users. Not with `username` or `email`.', examples: ['true'] }),
  limit: usersPerPage,
  cursor,
})

export const inspectedUser = ownUser
  .extend({
    roles: z.array(z.string()).meta({ examples: [['moderator']] }),
    factors: z.array(z.string()).meta({ description: 'The kinds of second factors.', examples: [['totp']] }),
    disabled_at: z.iso
      .datetime()
      .nullable()
      .meta({ examples: ['2026-01-31T12:00:00.000Z'] }),
    disabled_until: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'Null for a ban without an end.', examples: ['2026-02-07T12:00:00.000Z'] }),
    disabled_reason: z
      .string()
      .nullable()
      .meta({ description: 'For operators.', examples: ['Spam'] }),
    disabled_public_reason: z
      .string()
      .nullable()
      .meta({ description: 'Shown to the user at sign-in.', examples: ['You sent advertisements.'] }),
    live_sessions: z.int().meta({ description: 'The number of live sessions.', examples: [2] }),
  })
  .meta({ id: 'InspectedUser', description: 'The part of a user that operators see.' })

export const inspectedUsers = z
  .object({ items: z.array(inspectedUser), next_cursor: nextCursor })
  .meta({ id: 'InspectedUsers' })

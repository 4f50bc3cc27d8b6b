import { z } from 'zod'
import type { InvitationPage } from '../../../application/invitations/list-invitations.ts'
import { USES_AT_MOST, type Invitation } from '../../../domain/invitation.ts'
import { pageSize } from '../page-size.ts'
import { words } from '../operators/moderation-schemas.ts'

const id = z
  .string()
  .regex(/^[1-9][0-9]{0,14}$/)
  .meta({ description: 'The id of an invitation.', examples: ['17'] })
const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })
const use = (description: string, example: number) => z.int().meta({ description, examples: [example] })

export const newInvitation = z
  .strictObject({
    uses: z
      .int()
      .min(1)
      .max(USES_AT_MOST)
      .meta({ description: 'How many users may sign up with it.', examples: [1] }),
    expires_at: z.iso
      .datetime({ offset: true })
      .meta({
        description: 'RFC 3339, in the future, within ten years. Without it a week from now.',
        // A test sends the examples, so this one lies ahead.
        examples: ['2030-01-31T12:00:00Z'],
      })
      .optional(),
    note: words('For the class of 2027', 'Shown to operators only.').optional(),
  })
  .meta({ id: 'NewInvitation' })

const invitation = z
  .object({
    id: id.meta({ description: 'Events name it. It is not the invitation itself.' }),
    uses: use('How many users may sign up with it.', 1),
    uses_left: use('How many more users may sign up with it.', 1),
    note: z
      .string()
      .nullable()
      .meta({ examples: ['For the class of 2027'] }),
    created_at: time,
    created_by: z.string().meta({ description: 'Who created it.', examples: ['service:ops'] }),
    expires_at: time,
  })
  .meta({ id: 'Invitation' })

export const createdInvitation = invitation
  .extend({
    invitation: z.string().meta({
      description: 'The secret that users send to sign up. It cannot be read again.',
      examples: ['q1nTJ0mS9Jx2vR8wZ5pKcY7uB4hL6dF0gNiRoEtM3aQ'],
    }),
  })
  .meta({ id: 'CreatedInvitation' })

export const invitationParams = z.object({ id })

export const invitationQuery = z.strictObject({
  limit: pageSize('invitations', { maximum: 200, standard: 50 }),
  cursor: id.optional().meta({ description: 'The `next_cursor` of the previous page.', examples: ['17'] }),
})

export const invitationList = z
  .object({
    items: z.array(invitation),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'The cursor of the next page; null on the last page.', examples: ['17'] }),
  })
  .meta({ id: 'InvitationList' })

export const invitationBody = (one: Invitation) => ({
  id: String(one.id),
  uses: one.uses,
  uses_left: one.usesLeft,
  note: one.note ?? null,
  created_at: one.createdAt.toISOString(),
  created_by: one.createdBy,
  expires_at: one.expiresAt.toISOString(),
})

export const pageBody = ({ items, next }: InvitationPage) => ({
  items: items.map(invitationBody),
  next_cursor: next === undefined ? null : String(next),
})

import { z } from 'zod'
import { ROLE, ROLE_ADVICE, ROLE_LIMIT, ROLES_AT_MOST } from '../../../domain/roles.ts'
import { sessionIdParams } from '../session-schemas.ts'
import { isStorable } from '../storable-text.ts'
import { textField } from '../text-field.ts'
import { userIdParams } from '../user-schemas.ts'

export const words = (example: string, description: string) =>
  textField(500, example, description)
    .min(1)
    // Not as a pattern, which each client would read by its own rules.
    .check(({ value, issues }) => {
      if (isStorable(value)) return
      issues.push({ code: 'invalid_format', format: 'regex', origin: 'string', input: value })
    })

export const disabling = z
  .strictObject({
    reason: words('Spam', 'Shown to operators only.'),
    public_reason: words('You sent advertisements.', 'Shown to the user at sign-in.').optional(),
    until: z.iso
      .datetime({ offset: true })
      .meta({
        description: 'RFC 3339, in the future, within ten years. Without it the ban has no end.',
        // A test sends the examples, so this one lies ahead.
        examples: ['2030-01-31T12:00:00Z'],
      })
      .optional(),
  })
  .meta({ id: 'Disabling' })

export const enabling = z
  .strictObject({ note: words('Appeal accepted', 'Why. Shown to operators only.').optional() })
  .meta({ id: 'Enabling' })
  .nullish()

const role = textField(64, 'moderator', ROLE_ADVICE).meta({
  minLength: 1,
  maxLength: ROLE_LIMIT,
  pattern: ROLE.source,
})

export const roles = z
  .strictObject({
    roles: z
      .array(role)
      .max(ROLES_AT_MOST)
      .meta({
        description: `The complete list, at most ${ROLES_AT_MOST} roles. An empty list removes all roles.`,
      }),
  })
  .meta({ id: 'Roles' })

export const sessionOfUserParams = userIdParams.extend({ sid: sessionIdParams.shape.id })

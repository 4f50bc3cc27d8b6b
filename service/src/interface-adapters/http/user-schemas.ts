import { z } from 'zod'
import { EMAIL_ADDRESS_LIMIT } from '../../domain/email-address.ts'
import { PASSWORD_LIMITS, TYPED_PASSWORD_LIMIT } from '../../domain/password.ts'
import { USERNAME_LIMITS } from '../../domain/username.ts'
import { nullableText } from './nullable-text.ts'
import { textField } from './text-field.ts'

/** That of the README. Not a famous one: users copy it. */
const EXAMPLE_PASSWORD = 'plum-kettle-orbit-91'

// The domain refuses what is longer, with better advice. It counts after normalisation, so these limits are wider.
const username = textField(
  256,
  'ann_example',
  `${USERNAME_LIMITS.minimum} to ${USERNAME_LIMITS.maximum} characters. Shown as typed. Unique regardless of case, and of characters that look alike.`,
).meta({ minLength: USERNAME_LIMITS.minimum, maxLength: USERNAME_LIMITS.maximum })
export const email = textField(
  512,
  'ann@example.org',
  `Up to ${EMAIL_ADDRESS_LIMIT} characters. Belongs to the account that verifies it first; without mail, to the first one that has it, regardless of case.`,
).meta({ maxLength: EMAIL_ADDRESS_LIMIT })
/** A password that the user chooses, unlike one that is only compared. */
export const newPassword = textField(
  TYPED_PASSWORD_LIMIT,
  EXAMPLE_PASSWORD,
  `${PASSWORD_LIMITS.minimum} to ${PASSWORD_LIMITS.maximum} characters; the operator may require more than ${PASSWORD_LIMITS.minimum}. Common passwords are refused.`,
).meta({ minLength: PASSWORD_LIMITS.minimum, maxLength: PASSWORD_LIMITS.maximum })
export const currentPassword = textField(TYPED_PASSWORD_LIMIT, EXAMPLE_PASSWORD, 'The current password.')

export const proofOfWork = textField(
  4096,
  'eyJjaGFsbGVuZ2UiOnsicGFyYW1ldGVycyI6eyJhbGdvcml0aG0iOiJQQktERjIvU0hBLTI1NiIs…',
  'The proof for the challenge of a response 429, in the form of ALTCHA: Base64 of JSON.',
)

const invitation = textField(
  256,
  'q1nTJ0mS9Jx2vR8wZ5pKcY7uB4hL6dF0gNiRoEtM3aQ',
  'The invitation that an operator gave you. Required if registration is by invitation, ignored otherwise.',
)

export const platformRegistration = z
  .object({ username, email, password: newPassword })
  .meta({ id: 'PlatformRegistration' })

export const registration = platformRegistration
  .extend({ invitation: invitation.optional(), proof_of_work: proofOfWork.optional() })
  .meta({ id: 'Registration' })

export const userUpdate = z
  .object({
    username: username.optional(),
    email: email.optional(),
    current_password: currentPassword.optional().describe('Required unless you authenticated recently.'),
  })
  .meta({ id: 'UserUpdate', description: 'Fields that are left out stay unchanged.' })

export const userIdParams = z.object({
  id: z.string().meta({ description: 'The id of a user.', examples: ['17'] }),
})

export const ownUser = z
  .object({
    id: z
      .int()
      .positive()
      .meta({ description: 'Never reused, even after the user is deleted.', examples: [17] }),
    username: z.string().meta({ examples: ['ann_example'] }),
    email: nullableText(
      'ann@example.org',
      'Null for an imported user whose address was lost. Ask for one, and set it with PATCH.',
    ),
    email_verified: z.boolean().meta({ examples: [false] }),
    avatar_url: z.url().meta({ examples: ['https://auth.example.org/v1/media/avatars/default-5-512.png'] }),
    created_at: z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] }),
  })
  .meta({ id: 'OwnUser' })

export const publicUser = ownUser
  .pick({ id: true, username: true, avatar_url: true })
  .meta({ id: 'PublicUser', description: 'The part of a user that every user may see.' })

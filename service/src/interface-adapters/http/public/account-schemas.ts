import { z } from 'zod'
import { session } from '../session-schemas.ts'
import { currentPassword, newPassword, ownUser } from '../user-schemas.ts'
import { activity } from './activity-schemas.ts'
import { factors } from './factor-schemas.ts'

export const passwordChange = z
  .object({ current_password: currentPassword, new_password: newPassword })
  .meta({ id: 'PasswordChange' })

export const deletion = z.object({ current_password: currentPassword }).meta({ id: 'Deletion' })

const TIME = '2026-01-31T12:00:00.000Z'
const time = z.iso.datetime().meta({ examples: [TIME] })
const timeOrNull = z.iso
  .datetime()
  .nullable()
  .meta({ examples: [TIME] })

export const exported = z
  .object({
    user: ownUser.extend({
      roles: z.array(z.string()).meta({ examples: [['moderator']] }),
      password: z
        .string()
        .meta({ description: 'How the password is stored.', examples: ['kept as an argon2id hash'] }),
    }),
    earlier_emails: z
      .array(
        z.object({
          email: z.string().meta({ examples: ['ann@example.net'] }),
          email_verified: z.boolean().meta({ examples: [true] }),
          changed_at: time,
        }),
      )
      .meta({ description: 'Addresses that you had in the last seven days, newest first.' }),
    factors: factors.meta({
      description: 'Secrets and recovery codes are not shown. They are kept encrypted, and as hashes.',
    }),
    sessions: z.array(
      session.omit({ current: true }).extend({
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
      .meta({ description: 'Recent events that are still being delivered to other services.' }),
    activity: z.array(activity).meta({ description: 'As GET /v1/users/me/activity returns it.' }),
  })
  .meta({ id: 'Export', description: 'All data stored about a user.' })

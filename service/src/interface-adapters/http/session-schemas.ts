import { z } from 'zod'
import { DEVICE_ID, DEVICE_ID_LIMIT, DEVICE_NAME_LIMIT } from '../../domain/device.ts'
import { OFFERED_FACTORS, TYPED_CODE_LIMIT } from '../../domain/second-factor.ts'
import { textField } from './text-field.ts'
import { currentPassword, proofOfWork } from './user-schemas.ts'

const REFRESH_TOKEN = 'AQjXzYkAAAAAAAAAAQGRrL0mxHtmnOVQ8n6hJ2sAAAAAZ8v0mJ7QmJ1k3pXb0Yw5Jt9dQe4nV2cHs6LrTfKxGu'
const SESSION_ID = '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'

const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101'

const deviceId = textField(
  512,
  '0b7c1f0e-5a0c-4a6e-9a53-1c7f5a1f7e11',
  'Identifies the device across sign-ins; ends the session this device had before. ' +
    `1 to ${DEVICE_ID_LIMIT} printable ASCII characters without spaces, such as a random UUID.`,
).meta({ minLength: 1, maxLength: DEVICE_ID_LIMIT, pattern: DEVICE_ID.source })

const deviceName = textField(
  512,
  "Ann's phone",
  `Shown to the user in the list of sessions. 1 to ${DEVICE_NAME_LIMIT} characters. Taken from the User-Agent header if left out.`,
).meta({ minLength: 1, maxLength: DEVICE_NAME_LIMIT })

export const signIn = z
  .object({
    username: textField(512, 'ann_example', 'The username or the e-mail address.'),
    password: currentPassword,
    device_id: deviceId.optional(),
    device_name: deviceName.optional(),
    proof_of_work: proofOfWork.optional(),
  })
  .meta({ id: 'SignIn' })

export const code = textField(TYPED_CODE_LIMIT, '123456', 'The six digits that the authenticator shows.')

const recoveryCode = textField(
  TYPED_CODE_LIMIT,
  '7K3M-QX9T-BD2H-W8NP-5RVE-04CJ',
  'One of the recovery codes. Ignored if there is a code. Case, spaces and hyphens do not matter.',
)

export const reauthentication = z
  .object({
    current_password: currentPassword.optional(),
    code: code.optional(),
    recovery_code: recoveryCode.optional(),
  })
  .meta({
    id: 'Reauthentication',
    description: 'At least one field.',
  })

const CHALLENGE = '6f0c9a1e.q1nTJ0mS9Jx2vR8w.Z5pKcY7uB4hL6dF0gNiRoA.EtM3aQq1nTJ0mS9Jx2vR8wZ5pKcY7uB4'

export const challenge = z
  .object({
    challenge: z.string().meta({
      description: 'Opaque. Send it with a code to POST /v1/sessions/challenges/complete.',
      examples: [CHALLENGE],
    }),
    factors: z
      .array(z.enum(OFFERED_FACTORS))
      .meta({ description: 'The user can enter one of these.', examples: [['totp', 'recovery_code']] }),
    expires_in: z.int().meta({ description: 'In seconds.', examples: [300] }),
  })
  .meta({ id: 'SignInChallenge' })

/** Any string may be sent as a challenge: its seal decides, not its form. */
export const completion = z
  .object({
    challenge: textField(4096, CHALLENGE, 'As received from the sign-in.'),
    code: code.optional(),
    recovery_code: recoveryCode.optional(),
  })
  .meta({ id: 'SignInCompletion', description: 'The challenge, and a code or a recovery code.' })

/** Any string may be sent as a token: its MAC decides, not its form. */
export const refresh = z
  .object({
    refresh_token: textField(4096, REFRESH_TOKEN, 'As received. Works for one refresh.'),
  })
  .meta({ id: 'Refresh' })

export const sessionIdParams = z.object({
  id: z.string().meta({ description: 'The id of a session.', examples: [SESSION_ID] }),
})

const timestamp = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })

export const session = z
  .object({
    id: z.uuid().meta({ examples: [SESSION_ID] }),
    device_name: z.string().meta({ examples: ['Firefox on Linux'] }),
    user_agent: z.string().meta({ description: 'At sign-in.', examples: [USER_AGENT] }),
    ip: z.string().meta({ description: 'The IP address at sign-in.', examples: ['203.0.113.7'] }),
    last_user_agent: z
      .string()
      .meta({ description: 'At the last refresh, or else at sign-in.', examples: [USER_AGENT] }),
    last_ip: z.string().meta({
      description: 'The IP address at the last refresh, or else at sign-in.',
      examples: ['203.0.113.7'],
    }),
    created_at: timestamp,
    last_seen_at: timestamp,
    expires_at: timestamp.meta({ description: 'When the session expires unless it is refreshed.' }),
    current: z.boolean().meta({ description: 'True for the session of this request.', examples: [true] }),
  })
  .meta({ id: 'Session' })

export const sessionList = z.object({ items: z.array(session) }).meta({ id: 'SessionList' })

export const tokens = z
  .object({
    access_token: z.string().meta({ description: 'A JWT (RFC 9068).', examples: ['eyJhbGciOiJFZERTQSIs…'] }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Lifetime of the access token in seconds.', examples: [600] }),
    refresh_token: z.string().meta({ description: 'Opaque. Keep it secret.', examples: [REFRESH_TOKEN] }),
    refresh_expires_in: z
      .int()
      .meta({ description: 'Lifetime of the refresh token in seconds.', examples: [2_592_000] }),
    session,
  })
  .meta({ id: 'Tokens' })

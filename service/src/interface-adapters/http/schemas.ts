import { z } from 'zod'

// What a value must be like is the domain's to say; here stands its type and a cap that keeps work small.
const text = (limit: number, example: string, description: string) =>
  z
    .string()
    .max(limit)
    .meta({ description, examples: [example] })

/** What PostgreSQL can hold as text and as JSON: no U+0000 and no lone surrogates. */
const STORABLE = /^[^\0\p{Cs}]*$/u

const username = text(
  256,
  'ann_example',
  'Shown as typed; unique regardless of case and of look. 4 to 32 characters.',
)
const email = text(512, 'ann@example.org', 'Unique regardless of case.')
const password = text(1024, 'correct horse battery staple', '8 to 128 characters; common ones are refused.')
/** Any string is a token to be judged by its seal, so there are no rules of form. */
const token = (example: string, description: string) => text(4096, example, description)

export const registration = z.object({ username, email, password }).meta({ id: 'Registration' })

export const userUpdate = z
  .object({
    username: username.optional(),
    email: email.optional(),
    current_password: password.optional().describe('Needed to change the e-mail address.'),
  })
  .meta({ id: 'UserUpdate', description: 'What is left out stays as it is.' })

export const passwordChange = z
  .object({ current_password: password, new_password: password })
  .meta({ id: 'PasswordChange' })

export const signIn = z
  .object({
    username: text(512, 'ann_example', 'The username or the e-mail address.'),
    password,
    device_id: text(
      512,
      '0b7c1f0e-5a0c-4a6e-9a53-1c7f5a1f7e11',
      'Replaces the session this device had.',
    ).optional(),
    device_name: text(512, "Ann's phone", 'Shown under "your devices".').optional(),
  })
  .meta({ id: 'SignIn' })

const REFRESH_TOKEN = 'AQjXzYkAAAAAAAAAAQGRrL0mxHtmnOVQ8n6hJ2sAAAAAZ8v0mJ7QmJ1k3pXb0Yw5Jt9dQe4nV2cHs6LrTfKxGu'

export const refresh = z
  .object({ refresh_token: token(REFRESH_TOKEN, 'As received. Each is good for one refresh.') })
  .meta({ id: 'Refresh' })

export const endSessionsQuery = z.object({
  keep: z.literal('current').optional().describe('Keeps the session that asks.'),
})

export const disabling = z
  .object({ reason: text(500, 'Spam', 'Kept for the operators.').min(1).regex(STORABLE) })
  .meta({ id: 'Disabling' })

export const roles = z
  .object({
    roles: z
      .array(text(64, 'moderator', 'A small letter, then up to 31 of small letters, digits, "_" and "-".'))
      .max(64)
      .meta({ description: 'All of them, at most 16; none for an empty list.' }),
  })
  .meta({ id: 'Roles' })

const timestamp = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })
const userId = z
  .int()
  .positive()
  .meta({ description: 'Never given twice.', examples: [17] })
const avatarUrl = z
  .url()
  .meta({ examples: ['https://auth.example.org/media/avatars/letters-00410045-5-512.png'] })

export const userIdParams = z.object({
  id: z.string().meta({ description: 'The id of a user.', examples: ['17'] }),
})
export const sessionIdParams = z.object({
  id: z
    .string()
    .meta({ description: 'The id of a session.', examples: ['0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'] }),
})

export const sessionOfUserParams = userIdParams.extend({ sid: sessionIdParams.shape.id })

export const ownUser = z
  .object({
    id: userId,
    username: z.string().meta({ examples: ['ann_example'] }),
    email: z.string().meta({ examples: ['ann@example.org'] }),
    email_verified: z.boolean().meta({ examples: [false] }),
    avatar_url: avatarUrl,
    created_at: timestamp,
  })
  .meta({ id: 'OwnUser' })

export const publicUser = ownUser
  .pick({ id: true, username: true, avatar_url: true })
  .meta({ id: 'PublicUser', description: 'What everybody may see of a person.' })

export const session = z
  .object({
    id: z.uuid().meta({ examples: ['0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'] }),
    device_name: z.string().meta({ examples: ['Firefox on Linux'] }),
    user_agent: z.string().meta({ examples: ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101'] }),
    ip: z.string().meta({ description: 'Where the person signed in from.', examples: ['203.0.113.7'] }),
    created_at: timestamp,
    last_seen_at: timestamp,
    expires_at: timestamp.meta({ description: 'When it runs out if it is not refreshed.' }),
    current: z.boolean().meta({ description: 'This is the session that asks.', examples: [true] }),
  })
  .meta({ id: 'Session' })

export const sessionList = z.object({ items: z.array(session) }).meta({ id: 'SessionList' })

export const tokens = z
  .object({
    access_token: z.string().meta({ description: 'A JWT (RFC 9068).', examples: ['eyJhbGciOiJFZERTQSIs…'] }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds.', examples: [600] }),
    refresh_token: z.string().meta({ description: 'Opaque; keep it secret.', examples: [REFRESH_TOKEN] }),
    refresh_expires_in: z.int().meta({ description: 'Seconds.', examples: [2_592_000] }),
    session,
  })
  .meta({ id: 'Tokens' })

const PUBLIC_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  alg: 'EdDSA',
  use: 'sig',
}

export const jwks = z
  .object({ keys: z.array(z.record(z.string(), z.string())).meta({ examples: [[PUBLIC_KEY]] }) })
  .meta({ id: 'JWKS', description: 'A JWK set (RFC 7517).' })

export const health = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    checks: z
      .record(z.string(), z.string())
      .meta({ examples: [{ database: 'ok', signing_key: 'ok', draining: 'no' }] }),
  })
  .meta({ id: 'Health' })

export const liveness = z.object({ status: z.literal('live') }).meta({ id: 'Liveness' })

export const problem = z
  .object({
    type: z.url(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable; branch on this.' }),
    request_id: z.string(),
    reason: z.string().optional().meta({ description: 'With session_ended: the end reason.' }),
    errors: z
      .array(z.object({ field: z.string(), code: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'With validation_failed: one entry per field.' }),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457).' })

export const problemType = z
  .object({
    code: z.string().meta({ examples: ['session_ended'] }),
    status: z.int().meta({ examples: [401] }),
    title: z.string().meta({ examples: ['Session ended'] }),
    advice: z.string().meta({ examples: ['The session is over; "reason" says why. Sign in again.'] }),
  })
  .meta({ id: 'ProblemType' })

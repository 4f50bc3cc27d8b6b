import { z } from 'zod'
import type { Sighting } from '../../../application/sessions/note-receipts.ts'
import { REVOCATION_REASONS } from '../../../domain/revocation.ts'
import type { SessionId } from '../../../domain/session.ts'
import type { UserId } from '../../../domain/user.ts'
import { textField } from '../text-field.ts'

const EXAMPLE_SESSION = '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'
const MAXIMUM_RECEIPTS = 1_000
const MAXIMUM_GENERATION = 2 ** 31 - 1

const sessionId = z.uuid().meta({ description: 'The id of a session.', examples: [EXAMPLE_SESSION] })
const userId = z
  .int()
  .positive()
  .meta({ examples: [17] })
const generation = z
  .int()
  .min(0)
  .max(MAXIMUM_GENERATION)
  .meta({
    description: 'How many times the session had been refreshed when the token was issued.',
    examples: [3],
  })
const time = z.iso.datetime({ offset: true }).meta({ examples: ['2026-01-31T12:00:00.000Z'] })
const numericDate = (description: string) =>
  z.int().meta({ description: `${description} Seconds since 1970.`, examples: [1_769_860_800] })
const TICKET = 'kWv4zvZ3cN4mJ0n3XgqvY6W7m5Cq2s8yVJ0gGm3pQeE'

const revocation = z
  .object({
    seq: z.int().meta({
      description:
        'The number of the row in the log: 1, 2, 3 … without gaps. 0 in a snapshot for a row that the log lost when it was set back.',
      examples: [42],
    }),
    sid: sessionId,
    user_id: userId,
    reason: z.enum(REVOCATION_REASONS),
    up_to_generation: generation.optional().meta({
      description:
        'Only with `roles_changed` and `tokens_renewed`: the session continues. Refuse its access tokens with a `gen` up to this number, so ' +
        'that the client refreshes. Without this field the session has ended: refuse all of its tokens.',
    }),
    expires_at: time.meta({
      description: 'From this time on all of these tokens have expired, and the row can be dropped.',
    }),
  })
  .meta({ id: 'Revocation' })

export const revocations = z
  .object({
    log: z.string().meta({
      description:
        'The identity of the log. It changes when the log is restored, set back or on another server.',
      examples: ['5f1c0a9d27e4.1'],
    }),
    seq: z.int().meta({ description: 'The number of the last row in the log.', examples: [42] }),
    server_time: time.meta({ description: 'Everything committed before this time is included.' }),
    revocations: z.array(revocation),
  })
  .meta({ id: 'Revocations' })

export const streamHeaders = z.object({
  'last-event-id': z
    .string()
    .optional()
    .meta({
      description: 'The id of the last event that was received. It begins with `log:seq`.',
      examples: ['5f1c0a9d27e4.1:41'],
    }),
  prefer: z
    .string()
    .optional()
    .meta({
      description:
        'With `snapshot=parts` (RFC 7240), the rows of a snapshot come first, in any number of `revocations` events. The ' +
        '`snapshot` event after them has no rows. So no event is long.',
      examples: ['snapshot=parts'],
    }),
})

export const eventStream = {
  description: 'The stream. It stays open until either side closes it.',
  content: {
    'text/event-stream': {
      schema: z.string().meta({
        examples: [
          'id: 5f1c0a9d27e4.1:42\nevent: heartbeat\ndata: {"log":"5f1c0a9d27e4.1","seq":42,"server_time":"2026-01-31T12:00:00.000Z"}\n\n',
        ],
      }),
    },
  },
}

const receipt = z.strictObject({
  sid: sessionId,
  user_id: userId.optional().meta({ description: 'Optional; saves the service a database look-up.' }),
  gen: generation,
  seen_at: time,
  rcp: textField(
    64,
    '3q2-7wECAwQFBgcI',
    'The `rcp` of the access token. Without it the receipt is ignored.',
  ).optional(),
})

export const receipts = z
  .strictObject({ items: z.array(receipt).max(MAXIMUM_RECEIPTS) })
  .meta({ id: 'Receipts' })

export const toSighting = ({ sid, user_id, gen, seen_at, rcp }: z.output<typeof receipt>): Sighting => ({
  sessionId: sid.toLowerCase() as SessionId,
  userId: user_id as UserId | undefined,
  generation: gen,
  seenAt: new Date(seen_at),
  proof: rcp,
})

export const introspection = z
  .strictObject({
    token: textField(4096, 'eyJhbGciOiJFZERTQSIs…', 'An access token or a refresh token.'),
    token_type_hint: textField(64, 'access_token', 'Ignored: every kind of token is recognised.').optional(),
  })
  .meta({ id: 'IntrospectionRequest' })

export const claims = z
  .object({
    iss: z.string().meta({ examples: ['https://auth.example.org'] }),
    aud: z
      .string()
      .optional()
      .meta({ examples: ['chat'] }),
    sub: z.string().meta({ description: 'The user id as text.', examples: ['17'] }),
    user_id: userId,
    sid: sessionId,
    gen: generation,
    iat: numericDate('When the access token was issued.'),
    exp: numericDate('When it expires.'),
    auth_time: numericDate('When the user signed in.'),
    amr: z.array(z.string()).meta({ description: 'How the user signed in (RFC 8176).', examples: [['pwd']] }),
    roles: z.array(z.string()).meta({ examples: [['moderator']] }),
  })
  .meta({ id: 'Claims', description: 'The claims of an access token (RFC 9068).' })

export const introspected = claims
  .partial()
  .extend({
    active: z.boolean().meta({
      examples: [true],
      description: 'True if the token is valid now. If false, there are no other fields.',
    }),
    token_type: z.enum(['Bearer', 'refresh_token']).optional(),
  })
  .meta({ id: 'Introspection' })

export const redemption = z
  .strictObject({
    ticket: textField(4096, TICKET, 'The ticket, exactly as the client sent it.'),
    origin: textField(
      4096,
      'https://chat.example.org',
      'The Origin header of the socket request. Leave it out if there was none.',
    ).optional(),
  })
  .meta({ id: 'Redemption' })

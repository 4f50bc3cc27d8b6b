import { z } from 'zod'
import type { Sighting } from '../../application/sessions/note-receipts.ts'
import { REVOCATION_REASONS } from '../../domain/revocation.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'

// What other services send and get; what people do is in schemas.ts.

const EXAMPLE_SESSION = '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11'
const RECEIPTS_AT_MOST = 1_000
const GENERATION_AT_MOST = 2 ** 31 - 1

const sessionId = z.uuid().meta({ description: 'The id of a session.', examples: [EXAMPLE_SESSION] })
const userId = z
  .int()
  .positive()
  .meta({ examples: [17] })
const generation = z
  .int()
  .min(0)
  .max(GENERATION_AT_MOST)
  .meta({ description: 'How often the session had been refreshed.', examples: [3] })
const time = z.iso.datetime({ offset: true }).meta({ examples: ['2026-01-31T12:00:00.000Z'] })
const numericDate = (description: string) =>
  z.int().meta({ description: `${description} Seconds since 1970.`, examples: [1_769_860_800] })
const TICKET = 'kWv4zvZ3cN4mJ0n3XgqvY6W7m5Cq2s8yVJ0gGm3pQeE'

const revocation = z
  .object({
    seq: z.int().meta({ description: 'Its place in the log: 1, 2, 3 … without gaps.', examples: [42] }),
    sid: sessionId,
    user_id: userId,
    reason: z.enum(REVOCATION_REASONS),
    up_to_generation: generation.optional().meta({
      description:
        'There with `roles_changed` only: the session goes on, and its access tokens with a `gen` up to this one are to be ' +
        'refused, so that the client refreshes. Without it the session is over, and every token of it is to be refused.',
    }),
    expires_at: time.meta({ description: 'None of those tokens is valid any more from then on.' }),
  })
  .meta({ id: 'Revocation' })

export const revocations = z
  .object({
    seq: z.int().meta({ description: 'The last place in the log.', examples: [42] }),
    server_time: time.meta({ description: 'Everything committed before is in.' }),
    revocations: z.array(revocation),
  })
  .meta({ id: 'Revocations' })

export const lastEventId = z.object({
  'last-event-id': z
    .string()
    .optional()
    .meta({ description: 'The place in the log up to which the reader knows it.', examples: ['41'] }),
})

export const eventStream = {
  description: 'The feed, until one of both sides ends it.',
  content: {
    'text/event-stream': {
      schema: z.string().meta({
        examples: ['id: 42\nevent: heartbeat\ndata: {"seq":42,"server_time":"2026-01-31T12:00:00.000Z"}\n\n'],
      }),
    },
  },
}

const receipt = z.object({
  sid: sessionId,
  user_id: userId.optional().meta({ description: 'Saves the service a look-up.' }),
  gen: generation,
  seen_at: time,
})

export const receipts = z.object({ items: z.array(receipt).max(RECEIPTS_AT_MOST) }).meta({ id: 'Receipts' })

export const toSighting = ({ sid, user_id, gen, seen_at }: z.output<typeof receipt>): Sighting => ({
  sessionId: sid.toLowerCase() as SessionId,
  userId: user_id as UserId | undefined,
  generation: gen,
  seenAt: new Date(seen_at),
})

export const introspection = z
  .object({
    token: z
      .string()
      .max(4096)
      .meta({ description: 'An access token or a refresh token.', examples: ['eyJhbGciOiJFZERTQSIs…'] }),
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
    auth_time: numericDate('When the person signed in.'),
    amr: z.array(z.string()).meta({ description: 'How (RFC 8176).', examples: [['pwd']] }),
    roles: z.array(z.string()).meta({ examples: [['moderator']] }),
  })
  .meta({ id: 'Claims', description: 'What an access token says (RFC 9068).' })

export const introspected = claims
  .partial()
  .extend({
    active: z.boolean().meta({
      examples: [true],
      description: 'The token would be accepted now; nothing else is told otherwise.',
    }),
    token_type: z.enum(['Bearer', 'refresh_token']).optional(),
  })
  .meta({ id: 'Introspection' })

export const redemption = z
  .object({
    ticket: z
      .string()
      .max(4096)
      .meta({ description: 'As the client sent it.', examples: [TICKET] }),
    origin: z
      .string()
      .max(4096)
      .optional()
      .meta({
        description: 'The Origin header of the socket, if there was one.',
        examples: ['https://chat.example.org'],
      }),
  })
  .meta({ id: 'Redemption' })

export const ticket = z
  .object({
    ticket: z
      .string()
      .meta({ description: 'Keep it secret; it is good for one socket.', examples: [TICKET] }),
    expires_in: z.int().meta({ description: 'Seconds.', examples: [30] }),
  })
  .meta({ id: 'Ticket' })

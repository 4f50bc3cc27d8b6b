import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ListedKey } from '../../application/keys/list-signing-keys.ts'
import { KEY_STATES, SIGNING_ALGORITHMS } from '../../domain/signing-key.ts'
import { answers, WITH_STRAY_BODY } from './answers.ts'

export interface KeysDeps {
  /** What new tokens are signed with: TOKEN_ALGORITHM. */
  readonly algorithm: (typeof TOKEN_ALGORITHMS)[number]
  list(): Promise<readonly ListedKey[]>
  replace(): Promise<readonly ListedKey[]>
}

const TOKEN_ALGORITHMS = [...SIGNING_ALGORITHMS, 'HS256'] as const
const tags = ['Keys']
const security = [{ serviceKey: [] }]
const errors = ['invalid_service_key', 'unavailable'] as const

/** For operators: the keys that access tokens are signed with, without their private halves. */
export const keysRoutes =
  (keys: KeysDeps): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/keys', {
      schema: {
        tags,
        security,
        operationId: 'listSigningKeys',
        summary: 'List the signing keys, in the order in which they sign',
        response: answers(
          { 200: signingKeyList.describe('None of them where a shared secret is used (HS256).') },
          { errors },
        ),
      },
      handler: async () => present(keys.algorithm, await keys.list()),
    })

    app.post('/keys/rotate', {
      schema: {
        tags,
        security,
        operationId: 'rotateSigningKeys',
        summary: 'Have a new signing key take over',
        description:
          'It is published at once and signs an hour later, when every verifier knows it. Asked again meanwhile, the same ' +
          'key is answered. Tokens of the present key stay valid until they expire.',
        response: answers(
          { 200: signingKeyList.describe('All keys, the new one among them.') },
          { errors: [...errors, 'no_signing_keys', ...WITH_STRAY_BODY] },
        ),
      },
      handler: async () => present(keys.algorithm, await keys.replace()),
    })

    done()
  }

const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })

const signingKey = z
  .object({
    kid: z.string().meta({
      description: 'Its thumbprint (RFC 7638).',
      examples: ['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'],
    }),
    algorithm: z.enum(SIGNING_ALGORITHMS),
    state: z.enum(KEY_STATES).meta({
      description:
        '`coming`: it is published and signs later; `signing`: it signs now; `published`: it only checks.',
    }),
    usable: z.boolean().meta({
      description:
        'False when it was sealed under an AUTH_SECRET this instance does not have: it never signs.',
      examples: [true],
    }),
    signs_from: time,
    signs_until: time,
    published_until: time,
  })
  .meta({ id: 'SigningKey' })

export const signingKeyList = z
  .object({
    algorithm: z.enum(TOKEN_ALGORITHMS).meta({ description: 'TOKEN_ALGORITHM.' }),
    items: z.array(signingKey),
  })
  .meta({ id: 'SigningKeyList' })

const present = (algorithm: KeysDeps['algorithm'], keys: readonly ListedKey[]) => ({
  algorithm,
  items: keys.map(({ key, state, isUsable }) => ({
    kid: key.kid,
    algorithm: key.algorithm,
    state,
    usable: isUsable,
    signs_from: key.signsFrom.toISOString(),
    signs_until: key.signsUntil.toISOString(),
    published_until: key.publishedUntil.toISOString(),
  })),
})

import type { Actor } from '../../../domain/actor.ts'
import { actorOf } from '../bearer.ts'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { ListedKey } from '../../../application/signing-keys/list-signing-keys.ts'
import { replaceSigningKeyErrors } from '../../../application/signing-keys/replace-signing-key.ts'
import { responses, WITH_SERVICE_KEY, WITH_STRAY_BODY } from '../responses.ts'
import { signingKeyList, type TOKEN_ALGORITHMS } from './signing-key-schemas.ts'

export interface SigningKeysDeps {
  /** The algorithm of new tokens: TOKEN_ALGORITHM. */
  readonly algorithm: (typeof TOKEN_ALGORITHMS)[number]
  list(): Promise<readonly ListedKey[]>
  replace(actor: Actor): Promise<readonly ListedKey[]>
}

const tags = ['Keys']

/** For operators: the keys that sign access tokens, without their private parts. */
export const signingKeyRoutes =
  (keys: SigningKeysDeps): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/keys', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'listSigningKeys',
        summary: 'List the signing keys, in the order in which they sign',
        response: responses(
          { 200: signingKeyList.describe('The keys. Empty if a shared secret is used (HS256).') },
          { errors: WITH_SERVICE_KEY },
        ),
      },
      handler: async () => listBody(keys.algorithm, await keys.list()),
    })

    app.post('/keys/rotate', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'rotateSigningKeys',
        summary: 'Create the next signing key',
        description:
          'The new key is published immediately and signs an hour later, when every verifier has it. Until then, further ' +
          'calls return the same key. Tokens of the present key stay valid until they expire.',
        response: responses(
          { 200: signingKeyList.describe('All keys, including the new one.') },
          { errors: [...WITH_SERVICE_KEY, ...replaceSigningKeyErrors, ...WITH_STRAY_BODY] },
        ),
      },
      handler: async (request) => listBody(keys.algorithm, await keys.replace(actorOf(request))),
    })

    done()
  }

const listBody = (algorithm: SigningKeysDeps['algorithm'], keys: readonly ListedKey[]) => ({
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

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answers } from './answers.ts'
import { problemTypes, TransportError, type ProblemCode } from './problem-details.ts'
import * as schemas from './schemas.ts'

/** How the service itself is doing. */
export interface Health {
  /** `ok` or what is wrong, by the name of the check. */
  check(): Promise<{ isReady: boolean; checks: Record<string, string> }>
}

export interface PublishedKeys {
  jwks(): { keys: readonly Readonly<Record<string, string>>[] }
}

const tags = ['Service']
/** Much shorter than the time between a key's publication and its first signature. */
const JWKS_CACHE = 'public, max-age=300'

/** What both listeners serve without a prefix and without a key. */
export const serviceRoutes =
  (health: Health, keys: PublishedKeys): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/.well-known/jwks.json', {
      schema: {
        tags,
        operationId: 'readKeys',
        summary: 'The public keys that access tokens are checked with',
        response: answers({
          200: schemas.jwks.describe('Present and coming keys; none when a shared secret is used.'),
        }),
      },
      handler: async (_request, reply) =>
        reply.header('cache-control', JWKS_CACHE).send(mutable(keys.jwks())),
    })

    app.get('/health/live', {
      schema: {
        tags,
        operationId: 'isLive',
        summary: 'The process answers',
        response: answers({ 200: schemas.liveness.describe('It does.') }),
      },
      handler: () => Promise.resolve({ status: 'live' as const }),
    })

    app.get('/health/ready', {
      schema: {
        tags,
        operationId: 'isReady',
        summary: 'The service can do its work',
        response: answers({
          200: schemas.health.describe('It can.'),
          503: schemas.health.describe('It cannot; see checks.'),
        }),
      },
      handler: async (_request, reply) => {
        const { isReady, checks } = await health.check()
        return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not_ready', checks })
      },
    })

    app.get('/errors/:code', {
      schema: {
        tags,
        operationId: 'explainError',
        summary: 'What an error code means and what to do about it',
        params: z.object({ code: z.string().meta({ examples: ['session_ended'] }) }),
        response: answers({ 200: schemas.problemType.describe('The error.') }, { errors: ['not_found'] }),
      },
      handler: (request) => {
        const { code } = request.params
        if (!Object.hasOwn(problemTypes, code)) throw new TransportError('not_found')
        return Promise.resolve({ code, ...problemTypes[code as ProblemCode] })
      },
    })

    done()
  }

const mutable = ({ keys }: ReturnType<PublishedKeys['jwks']>) => ({ keys: keys.map((key) => ({ ...key })) })

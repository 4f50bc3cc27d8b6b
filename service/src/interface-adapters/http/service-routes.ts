import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problemType } from './problem-schemas.ts'
import { problemTypes, type ProblemCode } from './problem-types.ts'
import { responses } from './responses.ts'
import * as schemas from './service-schemas.ts'
import { TransportError } from './transport-error.ts'

/** The state of the service itself. */
export interface Health {
  /** `checks` maps the name of each check to `ok`, or to the problem. */
  check(): Promise<{ isReady: boolean; checks: Record<string, string> }>
}

export interface PublishedKeys {
  jwks(): { keys: readonly Readonly<Record<string, string>>[] }
}

/** Where the metadata of RFC 8414 point. */
export interface Issuer {
  /** The `iss` of access tokens. */
  readonly tokenIssuer: string
  readonly publicUrl: string
}

const tags = ['Service']
/** Must be much shorter than the hour between the publication of a key and its first signature. */
const KEYS_CACHE = 'public, max-age=300'

/** Served by both listeners, without a prefix and without a key. */
export const serviceRoutes =
  (health: Health, keys: PublishedKeys, issuer: Issuer): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/.well-known/jwks.json', {
      config: { scope: 'none' },
      schema: {
        tags,
        operationId: 'readKeys',
        summary: 'Get the public keys that verify access tokens',
        response: responses({
          200: schemas.jwks.describe(
            'The present keys and the next one. Empty if a shared secret is used (HS256).',
          ),
        }),
      },
      handler: async (_request, reply) =>
        reply.header('cache-control', KEYS_CACHE).send(mutable(keys.jwks())),
    })

    app.get('/.well-known/oauth-authorization-server', {
      config: { scope: 'none' },
      schema: {
        tags,
        operationId: 'readMetadata',
        summary: 'Find the keys by the issuer of a token (RFC 8414)',
        description:
          'For gateways and libraries that configure themselves by issuer. Clients get tokens from `/v1/sessions`, not by ' +
          'an OAuth grant.',
        response: responses({ 200: schemas.metadata.describe('The metadata.') }),
      },
      handler: async (_request, reply) =>
        reply.header('cache-control', KEYS_CACHE).send({
          issuer: issuer.tokenIssuer,
          jwks_uri: `${issuer.publicUrl}/.well-known/jwks.json`,
          service_documentation: `${issuer.publicUrl}/docs`,
          response_types_supported: [],
          grant_types_supported: [],
        }),
    })

    app.get('/health/live', {
      config: { scope: 'none' },
      schema: {
        tags,
        operationId: 'isLive',
        summary: 'Check that the process is running',
        response: responses({ 200: schemas.liveness.describe('The process is running.') }),
      },
      handler: () => Promise.resolve({ status: 'live' as const }),
    })

    app.get('/health/ready', {
      config: { scope: 'none' },
      schema: {
        tags,
        operationId: 'isReady',
        summary: 'Check that the service can handle requests',
        response: responses({
          200: schemas.health.describe('Ready.'),
          503: schemas.health.describe('Not ready; `checks` says why.'),
        }),
      },
      handler: async (_request, reply) => {
        const { isReady, checks } = await health.check()
        return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not_ready', checks })
      },
    })

    app.get('/errors/:code', {
      config: { scope: 'none' },
      schema: {
        tags,
        operationId: 'explainError',
        summary: 'Explain an error code, and what to do about it',
        params: z.object({ code: z.string().meta({ examples: ['session_ended'] }) }),
        response: responses({ 200: problemType.describe('The error.') }, { errors: ['not_found'] }),
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

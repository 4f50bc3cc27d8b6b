import type { FastifyInstance } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { UseCases } from '../../application/use-cases.ts'
import type { UserId } from '../../domain/user.ts'
import { LOOKUP_LIMIT_BYTES } from './people-schemas.ts'
import { asPlatformProblem } from './platform-errors.ts'
import * as schemas from './platform-schemas.ts'
import { platformSessionRoutes } from './platform-session-routes.ts'
import { platformUserRoutes } from './platform-user-routes.ts'
import * as present from './present.ts'

/** The routes of the service that was here before, for the platform's frontend and gateway (docs/platform.md). */
export const platformRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    speakAsBefore(app)
    void app.register(platformSessionRoutes(useCases))
    void app.register(platformUserRoutes(useCases, publicUrl))
    done()
  }

interface LookupSettings {
  readonly publicUrl: string
  /** The messaging service knows no service key: without one it is let in where an operator says so. */
  readonly platformOpenLookup: boolean
}

/** The one of those routes that is the messaging service's. */
export const platformLookupRoutes =
  (useCases: UseCases, { publicUrl, platformOpenLookup }: LookupSettings): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    speakAsBefore(app)

    app.post('/users/get-users-info', {
      bodyLimit: LOOKUP_LIMIT_BYTES,
      schema: {
        tags: ['Platform'],
        ...(!platformOpenLookup && { security: [{ serviceKey: [] }] }),
        operationId: 'platformLookupUsers',
        summary: 'See many people by their ids',
        description: 'Also with a slash at the end. In the order asked for, each once.',
        body: schemas.lookup,
        response: schemas.platformAnswers(
          { 200: schemas.users.describe('Those there are.') },
          { errors: [...(platformOpenLookup ? [] : KEYED), 'unavailable'], hasBody: true },
        ),
      },
      handler: async (request) => {
        const users = await useCases.lookupUsers(request.body.user_ids as UserId[])
        return users.map((user) => present.publicUser(user, publicUrl))
      },
    })

    done()
  }

const KEYED = ['invalid_service_key'] as const

/** The form of their errors, and each path with and without a slash at its end: they are called either way. */
function speakAsBefore(app: FastifyInstance): void {
  app.addHook('preSerialization', asPlatformProblem)
  app.addHook('onRoute', function (route) {
    // HEAD comes with GET by itself.
    if (route.method === 'HEAD' || route.url.endsWith('/')) return
    this.route({ ...route, url: `${route.routePath}/`, schema: { ...route.schema, hide: true } })
  })
}

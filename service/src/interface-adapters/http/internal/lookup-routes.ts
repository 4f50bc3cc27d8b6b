import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { UseCases } from '../../../application/use-cases.ts'
import type { UserId } from '../../../domain/user.ts'
import * as schemas from '../lookup-schemas.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_SERVICE_KEY } from '../responses.ts'

/** For other services: users by their ids. */
export const lookupRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/users/lookup', {
      config: { scope: 'lookup' },
      bodyLimit: schemas.LOOKUP_LIMIT_BYTES,
      schema: {
        tags: ['Users'],
        operationId: 'lookupUsers',
        summary: 'Get many users by their ids',
        description:
          'Returns each user once, in the order of the ids. Unknown ids are left out; disabled users are included.',
        body: schemas.lookup,
        response: responses(
          { 200: schemas.lookedUp.describe('The users found.') },
          { errors: WITH_SERVICE_KEY, hasBody: true },
        ),
      },
      handler: async (request) => {
        const users = await useCases.lookupUsers(request.body.ids as UserId[])
        return { items: users.map((user) => bodies.publicUser(user, publicUrl)) }
      },
    })

    done()
  }

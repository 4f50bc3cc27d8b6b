import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { Outbox } from '../../../application/outbox/outbox.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import type { UserId } from '../../../domain/user.ts'
import { LOOKUP_LIMIT_BYTES } from '../lookup-schemas.ts'
import * as bodies from '../response-bodies.ts'
import { KEY_ERRORS } from '../responses.ts'
import { hastenMessaging } from './hasten-messaging.ts'
import { followPlatformConventions, TRAILING_SLASH_NOTE } from './platform-conventions.ts'
import * as schemas from './platform-schemas.ts'

interface LookupSettings {
  readonly publicUrl: string
  /** The messaging service has no service key. The operator may allow look-ups without one. */
  readonly platformOpenLookup: boolean
}

/** Look up users by their ids, for the platform's messaging service. */
export const platformLookupRoutes =
  (
    useCases: UseCases,
    { publicUrl, platformOpenLookup }: LookupSettings,
    outbox: Pick<Outbox, 'hasten'>,
  ): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const hasten = hastenMessaging(outbox)
    followPlatformConventions(app)

    app.post('/users/get-users-info', {
      config: { scope: platformOpenLookup ? 'none' : 'lookup' },
      bodyLimit: LOOKUP_LIMIT_BYTES,
      schema: {
        tags: ['Platform'],
        operationId: 'platformLookupUsers',
        summary: 'Get many users by their ids',
        description: `${TRAILING_SLASH_NOTE} Returns each user once, in the order of the ids.`,
        body: schemas.lookup,
        response: schemas.platformResponses(
          { 200: schemas.users.describe('The users found.') },
          { errors: [...(platformOpenLookup ? [] : KEY_ERRORS), 'unavailable'], hasBody: true },
        ),
      },
      handler: async (request) => {
        const ids = request.body.user_ids as UserId[]
        const [users] = await Promise.all([useCases.lookupUsers(ids), hasten(ids)])
        return users.map((user) => bodies.publicUser(user, publicUrl))
      },
    })

    done()
  }

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { searchUsersErrors } from '../../../application/users/search-users.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_TOKEN } from '../responses.ts'
import { nextCursorOf, startOfPage } from '../search-cursor.ts'
import * as schemas from './user-search-schemas.ts'

/** Find other users. */
export const userSearchRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/users', {
      onRequest: requireCaller(useCases.authenticate),
      schema: {
        tags: ['Users'],
        security: [{ accessToken: [] }],
        operationId: 'searchUsers',
        summary: 'Find users by part of their username',
        description:
          'The exact match comes first, then usernames that begin with the text, then the others. You are not included.',
        querystring: schemas.search,
        response: responses(
          { 200: schemas.foundUsers.describe('A page of users.') },
          { errors: [...WITH_TOKEN, ...searchUsersErrors, 'validation_failed'] },
        ),
      },
      handler: async (request) => {
        const { username, limit, cursor } = request.query
        const askedBy = callerOf(request).user.id
        const after = startOfPage(cursor)
        const found = await useCases.searchUsers({ username, limit, after, askedBy, withDisabled: false })
        return {
          items: found.users.map((user) => bodies.publicUser(user, publicUrl)),
          next_cursor: nextCursorOf(found.next),
        }
      },
    })

    done()
  }

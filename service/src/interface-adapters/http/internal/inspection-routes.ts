import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { ApplicationError } from '../../../application/errors.ts'
import { findUserByEmailErrors, inspectUserErrors } from '../../../application/users/inspect-users.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { refuseField } from '../../../application/validate.ts'
import { InvalidValue } from '../../../domain/invalid-value.ts'
import type { SearchCursor } from '../../../domain/user-search.ts'
import { parseUserId, type User, type UserId } from '../../../domain/user.ts'
import { responses, WITH_SERVICE_KEY } from '../responses.ts'
import { LOOKUP_LIMIT_BYTES } from '../lookup-schemas.ts'
import * as bodies from '../response-bodies.ts'
import { nextCursorOf, startOfPage } from '../search-cursor.ts'
import { userIdParams } from '../user-schemas.ts'
import * as schemas from './inspection-schemas.ts'

interface Found {
  readonly users: readonly User[]
  readonly next: SearchCursor | undefined
}

/** For other services and operators: look up, find and inspect users. */
export const inspectionRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/users/lookup', {
      config: { scope: 'lookup' },
      bodyLimit: LOOKUP_LIMIT_BYTES,
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

    app.get('/users', {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Moderation'],
        operationId: 'findUsers',
        summary: 'Find users by part of their username, or by their e-mail address',
        querystring: schemas.inspection,
        response: responses(
          { 200: schemas.inspectedUsers.describe('A page of users, including disabled ones.') },
          { errors: [...WITH_SERVICE_KEY, ...findUserByEmailErrors, 'validation_failed'] },
        ),
      },
      handler: async ({ query: { username, email, limit, cursor } }) => {
        const after = startOfPage(cursor)
        const found: Found =
          email === undefined
            ? await useCases.searchUsers({ username: required(username), limit, after, ...OPERATOR })
            : { users: await byEmail(useCases, email), next: undefined }
        const inspected = await useCases.countSessions(found.users)
        return {
          items: inspected.map((one) => bodies.inspectedUser(one, publicUrl)),
          next_cursor: nextCursorOf(found.next),
        }
      },
    })

    app.get('/users/:id', {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Moderation'],
        operationId: 'inspectUser',
        summary: 'Get a user with the details that operators see',
        params: userIdParams,
        response: responses(
          { 200: schemas.inspectedUser.describe('The user.') },
          { errors: [...WITH_SERVICE_KEY, ...inspectUserErrors] },
        ),
      },
      handler: async (request) => {
        const id = parseUserId(request.params.id)
        if (id === undefined) throw new ApplicationError('user_not_found')
        return bodies.inspectedUser(await useCases.inspectUser(id), publicUrl)
      },
    })

    done()
  }

function required(username: string | undefined): string {
  if (username !== undefined) return username
  throw refuseField(
    'username',
    new InvalidValue('required', 'Send either part of a username, or an e-mail address.'),
  )
}

const OPERATOR = { askedBy: undefined, withDisabled: true } as const

async function byEmail(useCases: UseCases, email: string): Promise<readonly User[]> {
  const user = await useCases.findUserByEmail(email)
  return user === undefined ? [] : [user]
}

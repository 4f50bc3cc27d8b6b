import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { ApplicationError } from '../../../application/errors.ts'
import { findUserByEmailErrors, inspectUserErrors } from '../../../application/users/inspect-users.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { refuseField } from '../../../application/validate.ts'
import { InvalidValue } from '../../../domain/invalid-value.ts'
import type { SearchCursor } from '../../../domain/user-search.ts'
import { parseUserId, type User } from '../../../domain/user.ts'
import { responses, type OperatorErrors } from '../responses.ts'
import * as bodies from '../response-bodies.ts'
import { nextCursorOf, startOfPage } from '../search-cursor.ts'
import { userIdParams } from '../user-schemas.ts'
import * as schemas from './inspection-schemas.ts'

interface Found {
  readonly users: readonly User[]
  readonly next: SearchCursor | undefined
}

/** For operators: find and inspect users. */
export const inspectionRoutes =
  (useCases: UseCases, publicUrl: string, errorsWith: OperatorErrors): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/users', {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Moderation'],
        operationId: 'findUsers',
        summary: 'Find users by part of their username, or by their e-mail address',
        querystring: schemas.inspection,
        response: responses(
          { 200: schemas.inspectedUsers.describe('A page of users, including disabled ones.') },
          { errors: errorsWith([...findUserByEmailErrors, 'validation_failed']) },
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
          { errors: errorsWith(inspectUserErrors) },
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

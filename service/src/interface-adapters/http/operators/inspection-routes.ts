import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { ApplicationError } from '../../../application/errors.ts'
import { findUsersByEmailErrors, inspectUserErrors } from '../../../application/users/inspect-users.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { refuseField } from '../../../application/validate.ts'
import { InvalidValue } from '../../../domain/invalid-value.ts'
import { parseUserId, type User } from '../../../domain/user.ts'
import { responses, type OperatorErrors } from '../responses.ts'
import * as bodies from '../response-bodies.ts'
import { userIdParams } from '../user-schemas.ts'
import {
  nextCursorOf,
  placeInList,
  placeInSearch,
  startOfPage,
  type InspectionCursor,
} from './inspection-cursor.ts'
import * as schemas from './inspection-schemas.ts'

interface Found {
  readonly users: readonly User[]
  readonly next: InspectionCursor | undefined
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
        summary: 'List users, newest first, or find them by part of their username or by e-mail address',
        description:
          'Without `username` and `email` it lists all users, or with `disabled=true` the disabled ones. The order is that of their ids.',
        querystring: schemas.inspection,
        response: responses(
          { 200: schemas.inspectedUsers.describe('A page of users, including disabled ones.') },
          { errors: errorsWith([...findUsersByEmailErrors, 'validation_failed']) },
        ),
      },
      handler: async ({ query }) => {
        const found = await find(useCases, query)
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

async function find(useCases: UseCases, query: z.infer<typeof schemas.inspection>): Promise<Found> {
  const { username, email, disabled, limit, cursor } = query
  refuseAllButOne({ username, email, disabled })
  const place = startOfPage(cursor)
  if (email !== undefined) return { users: await useCases.findUsersByEmail(email), next: undefined }
  if (username !== undefined)
    return useCases.searchUsers({ username, limit, after: placeInSearch(place), ...OPERATOR })
  return useCases.listUsers({ onlyDisabled: disabled !== undefined, limit, before: placeInList(place) })
}

/** Otherwise all but one of them would be dropped silently. */
function refuseAllButOne(ways: Record<string, string | undefined>): void {
  const [, another] = Object.keys(ways).filter((name) => ways[name] !== undefined)
  if (another === undefined) return
  const message = 'Send at most one of: username, email, disabled.'
  throw refuseField(another, new InvalidValue('unknown_field', message))
}

const OPERATOR = { askedBy: undefined, withDisabled: true } as const

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { ApplicationError } from '../../application/errors.ts'
import type { UseCases } from '../../application/use-cases.ts'
import { refuseField } from '../../application/validate.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { SearchPlace } from '../../domain/user-search.ts'
import { parseUserId, type User, type UserId } from '../../domain/user.ts'
import { answers } from './answers.ts'
import { nextOf, placeAfter } from './people-routes.ts'
import * as schemas from './people-schemas.ts'
import * as present from './present.ts'
import { userIdParams } from './schemas.ts'

const security = [{ serviceKey: [] }]
const errors = ['invalid_service_key', 'unavailable'] as const

interface Found {
  readonly users: readonly User[]
  readonly next: SearchPlace | undefined
}

/** For other services and operators: who people are. */
export const inspectionRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/users/lookup', {
      bodyLimit: schemas.LOOKUP_LIMIT_BYTES,
      schema: {
        tags: ['Users'],
        security,
        operationId: 'lookupUsers',
        summary: 'See many people by their ids',
        description:
          'In the order asked for, each once; ids nobody has are left out. Disabled people are among them.',
        body: schemas.lookup,
        response: answers({ 200: schemas.lookedUp.describe('Those there are.') }, { errors, hasBody: true }),
      },
      handler: async (request) => {
        const users = await useCases.lookupUsers(request.body.ids as UserId[])
        return { items: users.map((user) => present.publicUser(user, publicUrl)) }
      },
    })

    app.get('/users', {
      schema: {
        tags: ['Moderation'],
        security,
        operationId: 'findUsers',
        summary: 'Find people by a part of their username, or by their e-mail address',
        querystring: schemas.inspection,
        response: answers(
          { 200: schemas.inspectedUsers.describe('A page of them, disabled ones too.') },
          { errors: [...errors, 'validation_failed'] },
        ),
      },
      handler: async ({ query: { username, email, limit, cursor } }) => {
        const after = placeAfter(cursor)
        const found: Found =
          email === undefined
            ? await useCases.searchUsers({ username: required(username), limit, after, ...OPERATOR })
            : { users: await byEmail(useCases, email), next: undefined }
        const inspected = await useCases.countSessions(found.users)
        return {
          items: inspected.map((one) => present.inspectedUser(one, publicUrl)),
          next_cursor: nextOf(found.next),
        }
      },
    })

    app.get('/users/:id', {
      schema: {
        tags: ['Moderation'],
        security,
        operationId: 'inspectUser',
        summary: 'See a person as an operator does',
        params: userIdParams,
        response: answers(
          { 200: schemas.inspectedUser.describe('The person.') },
          { errors: [...errors, 'user_not_found'] },
        ),
      },
      handler: async (request) => {
        const id = parseUserId(request.params.id)
        if (id === undefined) throw new ApplicationError('user_not_found')
        return present.inspectedUser(await useCases.inspectUser(id), publicUrl)
      },
    })

    done()
  }

function required(username: string | undefined): string {
  if (username !== undefined) return username
  throw refuseField(
    'username',
    new InvalidValue('required', 'Give a part of a username, or an e-mail address.'),
  )
}

const OPERATOR = { askedBy: undefined, withDisabled: true } as const

async function byEmail(useCases: UseCases, email: string): Promise<readonly User[]> {
  const user = await useCases.findUserByEmail(email)
  return user === undefined ? [] : [user]
}

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { UseCases } from '../../application/use-cases.ts'
import type { SearchPlace } from '../../domain/user-search.ts'
import { answers, WITH_TOKEN } from './answers.ts'
import { callerOf, requireCaller } from './bearer.ts'
import * as schemas from './people-schemas.ts'
import * as present from './present.ts'
import { readCursor, writeCursor } from './search-cursor.ts'

const security = [{ accessToken: [] }]
const tags = ['Users']

export const placeAfter = (cursor: string | undefined): SearchPlace | undefined =>
  cursor === undefined ? undefined : readCursor(cursor)

export const nextOf = (next: SearchPlace | undefined): string | null =>
  next === undefined ? null : writeCursor(next)

/** Find others; take one's data along; leave. */
export const peopleRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    app.get('/users', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'searchUsers',
        summary: 'Find people by a part of their username',
        description:
          'The exact match first, then names that begin with it, then the others. You are left out.',
        querystring: schemas.search,
        response: answers(
          { 200: schemas.foundUsers.describe('A page of them.') },
          { errors: [...WITH_TOKEN, 'validation_failed'] },
        ),
      },
      handler: async (request) => {
        const { username, limit, cursor } = request.query
        const askedBy = callerOf(request).user.id
        const after = placeAfter(cursor)
        const found = await useCases.searchUsers({ username, limit, after, askedBy, withDisabled: false })
        return {
          items: found.users.map((user) => present.publicUser(user, publicUrl)),
          next_cursor: nextOf(found.next),
        }
      },
    })

    app.get('/users/me/export', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'exportOwnUser',
        summary: 'Get everything that is held about you',
        response: answers({ 200: schemas.exported.describe('All of it.') }, { errors: WITH_TOKEN }),
      },
      handler: async (request) =>
        present.exportedUser(await useCases.exportUser(callerOf(request)), publicUrl),
    })

    app.delete('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'deleteOwnUser',
        summary: 'Delete your account',
        description:
          'Every session ends and your data is gone, for good. Your number is never given again, your name not for 90 days.',
        body: schemas.deletion,
        response: answers(
          { 204: z.undefined().describe('Deleted.') },
          { errors: [...WITH_TOKEN, 'too_many_attempts', 'overloaded'], hasBody: true },
        ),
      },
      handler: async (request, reply) => {
        await useCases.deleteUser(callerOf(request), { currentPassword: request.body.current_password })
        return reply.code(204).send()
      },
    })

    done()
  }

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ApplicationError } from '../../application/errors.ts'
import type { UseCases } from '../../application/use-cases.ts'
import { parseSessionId } from '../../domain/session.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'
import { answers, WITH_STRAY_BODY } from './answers.ts'
import * as present from './present.ts'
import * as schemas from './schemas.ts'

const nothing = { 204: z.undefined().describe('Done.') }
const errors = ['invalid_service_key', 'user_not_found', 'unavailable'] as const
const security = [{ serviceKey: [] }]
const tags = ['Moderation']

/** For operators: ban somebody, lift the ban, say what they may do, see and end their sessions. */
export const moderationRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/users/:id/disable', {
      schema: {
        tags,
        security,
        operationId: 'disableUser',
        summary: 'Disable a user and end all their sessions',
        params: schemas.userIdParams,
        body: schemas.disabling,
        response: answers(nothing, { errors, hasBody: true }),
      },
      handler: async (request, reply) => {
        await useCases.disableUser(userIdOf(request.params), request.body.reason)
        return reply.code(204).send()
      },
    })

    app.post('/users/:id/enable', {
      schema: {
        tags,
        security,
        operationId: 'enableUser',
        summary: 'Let a disabled user sign in again',
        params: schemas.userIdParams,
        response: answers(nothing, { errors: [...errors, ...WITH_STRAY_BODY] }),
      },
      handler: async (request, reply) => {
        await useCases.enableUser(userIdOf(request.params))
        return reply.code(204).send()
      },
    })

    app.put('/users/:id/roles', {
      schema: {
        tags,
        security,
        operationId: 'setRolesOfUser',
        summary: 'Say what a user may do, in place of what was said before',
        description:
          'The roles are in every access token. Sessions go on; the tokens issued so far are refused by every verifier ' +
          'from then on, as `token_outdated`, and the next refresh gives one with the new roles.',
        params: schemas.userIdParams,
        body: schemas.roles,
        response: answers(nothing, { errors, hasBody: true }),
      },
      handler: async (request, reply) => {
        await useCases.setRoles(userIdOf(request.params), request.body.roles)
        return reply.code(204).send()
      },
    })

    app.get('/users/:id/sessions', {
      schema: {
        tags,
        security,
        operationId: 'listSessionsOfUser',
        summary: "List a user's live sessions, newest first",
        params: schemas.userIdParams,
        response: answers({ 200: schemas.sessionList.describe('Their devices.') }, { errors }),
      },
      handler: async (request) => {
        const sessions = await useCases.listUserSessions(userIdOf(request.params))
        return { items: sessions.map((session) => present.session(session, undefined)) }
      },
    })

    app.delete('/users/:id/sessions/:sid', {
      schema: {
        tags,
        security,
        operationId: 'endSessionOfUser',
        summary: "End one of a user's sessions",
        description: 'Ending a session that has ended already changes nothing.',
        params: schemas.sessionOfUserParams,
        response: answers(nothing, { errors: [...errors, 'session_not_found', ...WITH_STRAY_BODY] }),
      },
      handler: async (request, reply) => {
        const sessionId = parseSessionId(request.params.sid)
        if (sessionId === undefined) throw new ApplicationError('session_not_found')
        await useCases.endUserSession(userIdOf(request.params), sessionId)
        return reply.code(204).send()
      },
    })

    app.delete('/users/:id/sessions', {
      schema: {
        tags,
        security,
        operationId: 'endSessionsOfUser',
        summary: "End all of a user's sessions",
        params: schemas.userIdParams,
        response: answers(nothing, { errors: [...errors, ...WITH_STRAY_BODY] }),
      },
      handler: async (request, reply) => {
        await useCases.endUserSessions(userIdOf(request.params))
        return reply.code(204).send()
      },
    })

    done()
  }

function userIdOf({ id }: { id: string }): UserId {
  const userId = parseUserId(id)
  if (userId === undefined) throw new ApplicationError('user_not_found')
  return userId
}

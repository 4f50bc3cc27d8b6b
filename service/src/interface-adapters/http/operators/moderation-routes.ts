import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ApplicationError } from '../../../application/errors.ts'
import { disableUserErrors } from '../../../application/users/disable-user.ts'
import { enableUserErrors } from '../../../application/users/enable-user.ts'
import { setRolesErrors } from '../../../application/users/set-roles.ts'
import { listUserSessionsErrors } from '../../../application/sessions/list-user-sessions.ts'
import {
  endUserSessionErrors,
  endUserSessionsErrors,
} from '../../../application/sessions/end-user-sessions.ts'
import { removeFactorsErrors } from '../../../application/factors/remove-factors.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { parseSessionId } from '../../../domain/session.ts'
import { parseUserId, type UserId } from '../../../domain/user.ts'
import { actorOf } from '../bearer.ts'
import { responses, WITH_STRAY_BODY, type OperatorErrors } from '../responses.ts'
import * as bodies from '../response-bodies.ts'
import { sessionList } from '../session-schemas.ts'
import { userIdParams } from '../user-schemas.ts'
import * as schemas from './moderation-schemas.ts'

const noContent = { 204: z.undefined().describe('Done.') }
const tags = ['Moderation']

/** For operators: disable and enable users, set their roles, list and end their sessions. */
export const moderationRoutes =
  (useCases: UseCases, errorsWith: OperatorErrors): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/users/:id/disable', {
      config: { scope: 'moderate' },
      schema: {
        tags,
        operationId: 'disableUser',
        summary: 'Disable a user and end all of their sessions',
        description:
          'The user cannot sign in before `until`, or before an operator enables them. A ban replaces an earlier one. ' +
          'At a sign-in with the right password the user sees `public_reason` and `until`, but not `reason`.',
        params: userIdParams,
        body: schemas.disabling,
        response: responses(noContent, {
          errors: errorsWith(disableUserErrors),
          hasBody: true,
        }),
      },
      handler: async (request, reply) => {
        const { reason, public_reason: publicReason, until } = request.body
        await useCases.disableUser(actorOf(request), userIdOf(request.params), {
          reason,
          publicReason,
          until: until === undefined ? undefined : new Date(until),
        })
        return reply.code(204).send()
      },
    })

    app.post('/users/:id/enable', {
      config: { scope: 'moderate' },
      schema: {
        tags,
        operationId: 'enableUser',
        summary: 'Enable a disabled user, who may then sign in again',
        description: 'A request without a body is also accepted.',
        params: userIdParams,
        body: schemas.enabling,
        response: responses(noContent, { errors: errorsWith(enableUserErrors), hasBody: true }),
      },
      handler: async (request, reply) => {
        await useCases.enableUser(actorOf(request), userIdOf(request.params), request.body?.note)
        return reply.code(204).send()
      },
    })

    app.put('/users/:id/roles', {
      config: { scope: 'roles' },
      schema: {
        tags,
        operationId: 'setRolesOfUser',
        summary: 'Replace the roles of a user',
        description:
          'Every access token contains the roles. Sessions continue, but verifiers refuse the tokens issued so far as ' +
          '`token_outdated`. The next refresh returns a token with the new roles.',
        params: userIdParams,
        body: schemas.roles,
        response: responses(noContent, { errors: errorsWith(setRolesErrors), hasBody: true }),
      },
      handler: async (request, reply) => {
        await useCases.setRoles(actorOf(request), userIdOf(request.params), request.body.roles)
        return reply.code(204).send()
      },
    })

    app.delete('/users/:id/factors', {
      config: { scope: 'moderate' },
      schema: {
        tags,
        operationId: 'removeFactorsOfUser',
        summary: 'Remove all second factors of a user',
        description:
          'For a user who has lost them. The password alone is enough then, and recovery codes are removed too. Make sure that it ' +
          'is the user who asks. Sessions continue. If there are no factors, nothing changes.',
        params: userIdParams,
        response: responses(noContent, {
          errors: errorsWith([...removeFactorsErrors, ...WITH_STRAY_BODY]),
        }),
      },
      handler: async (request, reply) => {
        await useCases.removeFactors(actorOf(request), userIdOf(request.params))
        return reply.code(204).send()
      },
    })

    app.get('/users/:id/sessions', {
      config: { scope: 'users:read' },
      schema: {
        tags,
        operationId: 'listSessionsOfUser',
        summary: 'List the live sessions of a user, newest first',
        params: userIdParams,
        response: responses(
          { 200: sessionList.describe('The live sessions.') },
          { errors: errorsWith(listUserSessionsErrors) },
        ),
      },
      handler: async (request) => {
        const sessions = await useCases.listUserSessions(userIdOf(request.params))
        return { items: sessions.map((session) => bodies.session(session, undefined)) }
      },
    })

    app.delete('/users/:id/sessions/:sid', {
      config: { scope: 'moderate' },
      schema: {
        tags,
        operationId: 'endSessionOfUser',
        summary: 'End one session of a user',
        description: 'If the session has already ended, nothing changes.',
        params: schemas.sessionOfUserParams,
        response: responses(noContent, {
          errors: errorsWith([...endUserSessionErrors, ...WITH_STRAY_BODY]),
        }),
      },
      handler: async (request, reply) => {
        const sessionId = parseSessionId(request.params.sid)
        if (sessionId === undefined) throw new ApplicationError('session_not_found')
        await useCases.endUserSession(actorOf(request), userIdOf(request.params), sessionId)
        return reply.code(204).send()
      },
    })

    app.delete('/users/:id/sessions', {
      config: { scope: 'moderate' },
      schema: {
        tags,
        operationId: 'endSessionsOfUser',
        summary: 'End all sessions of a user',
        params: userIdParams,
        response: responses(noContent, {
          errors: errorsWith([...endUserSessionsErrors, ...WITH_STRAY_BODY]),
        }),
      },
      handler: async (request, reply) => {
        await useCases.endUserSessions(actorOf(request), userIdOf(request.params))
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

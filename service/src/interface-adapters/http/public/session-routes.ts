import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ApplicationError } from '../../application/errors.ts'
import type { UseCases } from '../../application/use-cases.ts'
import { parseSessionId } from '../../domain/session.ts'
import { answers, WITH_STRAY_BODY, WITH_TOKEN } from './answers.ts'
import { callerOf, requireCaller } from './bearer.ts'
import { clientAddress, describeDevice, userAgent } from './client.ts'
import * as present from './present.ts'
import * as schemas from './schemas.ts'

const nothing = { 204: z.undefined().describe('Done.') }
const security = [{ accessToken: [] }]
const tags = ['Sessions']

/** Sign in, stay signed in, see where, sign out. */
export const sessionRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    app.post('/sessions', {
      schema: {
        tags,
        operationId: 'createSession',
        summary: 'Sign in',
        description:
          'Answers an unknown name and a wrong password alike. Usernames and e-mail addresses both do.',
        body: schemas.signIn,
        response: answers(
          { 201: schemas.tokens.describe('Signed in.') },
          {
            errors: [
              'invalid_credentials',
              'user_disabled',
              'too_many_attempts',
              'overloaded',
              'unavailable',
            ],
            hasBody: true,
          },
        ),
      },
      handler: async (request, reply) => {
        const { username, password, device_id, device_name } = request.body
        const agent = userAgent(request)
        const issued = await useCases.createSession({
          username,
          password,
          deviceId: device_id,
          deviceName: device_name,
          describedDevice: describeDevice(agent),
          userAgent: agent,
          address: clientAddress(request),
        })
        return reply.code(201).send(present.tokens(issued))
      },
    })

    app.post('/sessions/refresh', {
      schema: {
        tags,
        operationId: 'refreshSession',
        summary: 'Trade a refresh token for the next pair of tokens',
        description:
          'A lost answer may be asked for again with the same token. A spent token that comes back later ends the ' +
          'session. On 503 keep the token and try again: the session is fine.',
        body: schemas.refresh,
        response: answers(
          { 200: schemas.tokens.describe('The next pair.') },
          {
            errors: ['invalid_refresh_token', 'refresh_token_reused', 'session_ended', 'unavailable'],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const address = clientAddress(request)
        return present.tokens(
          await useCases.refreshSession({ refreshToken: request.body.refresh_token, address }),
        )
      },
    })

    app.get('/sessions', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'listSessions',
        summary: 'List your live sessions, newest first',
        response: answers({ 200: schemas.sessionList.describe('Your devices.') }, { errors: WITH_TOKEN }),
      },
      handler: async (request) => {
        const { user, session: current } = callerOf(request)
        const sessions = await useCases.listSessions(user.id)
        return { items: sessions.map((session) => present.session(session, current.id)) }
      },
    })

    app.delete('/sessions', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'endAllSessions',
        summary: 'End all your sessions, or all but the one that asks',
        querystring: schemas.endSessionsQuery,
        response: answers(nothing, { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, 'validation_failed'] }),
      },
      handler: async (request, reply) => {
        await useCases.endAllOwnSessions(callerOf(request), { keepCurrent: request.query.keep === 'current' })
        return reply.code(204).send()
      },
    })

    app.delete('/sessions/current', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'endCurrentSession',
        summary: 'Sign out',
        response: answers(nothing, { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY] }),
      },
      handler: async (request, reply) => {
        const caller = callerOf(request)
        await useCases.endOwnSession(caller, caller.session.id)
        return reply.code(204).send()
      },
    })

    app.delete('/sessions/:id', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'endSession',
        summary: 'End one of your sessions',
        description: 'Ending a session that has ended already changes nothing.',
        params: schemas.sessionIdParams,
        response: answers(nothing, { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, 'session_not_found'] }),
      },
      handler: async (request, reply) => {
        const id = parseSessionId(request.params.id)
        if (id === undefined) throw new ApplicationError('session_not_found')
        await useCases.endOwnSession(callerOf(request), id)
        return reply.code(204).send()
      },
    })

    done()
  }

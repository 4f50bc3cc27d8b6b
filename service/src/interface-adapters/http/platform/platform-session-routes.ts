import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { UseCases } from '../../application/use-cases.ts'
import { WITH_STRAY_BODY, WITH_TOKEN } from './answers.ts'
import { callerOf, requireCaller } from './bearer.ts'
import { clientAddress, describeDevice, userAgent } from './client.ts'
import { readForms } from './form-bodies.ts'
import * as schemas from './platform-schemas.ts'
import * as present from './present.ts'
import { refresh } from './schemas.ts'

const description = 'Also with a slash at the end.'
const nothing = { 204: z.undefined().describe('Done.') }
const security = [{ accessToken: [] }]
const tags = ['Platform']

export const platformSessionRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/sessions', {
      config: { shownAt: ['username', 'password'] },
      schema: {
        tags,
        operationId: 'platformSignIn',
        summary: 'Sign in',
        description,
        body: schemas.signIn,
        response: schemas.platformAnswers(
          { 200: schemas.tokens.describe('Signed in.') },
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
      handler: async (request) => {
        const agent = userAgent(request)
        const issued = await useCases.createSession({
          ...request.body,
          deviceId: undefined,
          deviceName: undefined,
          describedDevice: describeDevice(agent),
          userAgent: agent,
          address: clientAddress(request),
        })
        return present.platformTokens(issued)
      },
    })

    app.post('/sessions/refresh', {
      schema: {
        tags,
        operationId: 'platformRefresh',
        summary: 'Trade a refresh token for the next pair of tokens',
        description: `${description} Parallel calls with one token get the same successor.`,
        body: refresh,
        response: schemas.platformAnswers(
          { 200: schemas.tokens.describe('The next pair.') },
          {
            errors: ['invalid_refresh_token', 'refresh_token_reused', 'session_ended', 'unavailable'],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const { refresh_token: refreshToken } = request.body
        return present.platformTokens(
          await useCases.refreshSession({ refreshToken, address: clientAddress(request) }),
        )
      },
    })

    void app.register(terminationRoutes(useCases))
    done()
  }

/** In a scope of its own, where a form may come: what some HTTP clients call a body that is empty. */
const terminationRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)
    const response = schemas.platformAnswers(nothing, { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY] })
    readForms(app)

    app.post('/sessions/terminate', {
      onRequest,
      schema: {
        ...{ tags, security, description, response },
        operationId: 'platformSignOut',
        summary: 'Sign out',
      },
      handler: async (request, reply) => {
        const caller = callerOf(request)
        await useCases.endOwnSession(caller, caller.session.id)
        return reply.code(204).send()
      },
    })

    app.post('/sessions/terminate-all', {
      onRequest,
      schema: {
        ...{ tags, security, description, response },
        operationId: 'platformSignOutEverywhere',
        summary: 'Sign out on all devices',
      },
      handler: async (request, reply) => {
        await useCases.endAllOwnSessions(callerOf(request), { keepCurrent: false })
        return reply.code(204).send()
      },
    })

    done()
  }

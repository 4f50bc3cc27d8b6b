import { userActor } from '../../../domain/actor.ts'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ApplicationError, commonErrors } from '../../../application/errors.ts'
import { createSessionErrors } from '../../../application/sessions/create-session.ts'
import { refreshSessionErrors } from '../../../application/sessions/refresh-session.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { clientAddress } from '../client-address.ts'
import { deviceName, userAgent } from '../device-name.ts'
import { readForms } from '../form-bodies.ts'
import * as bodies from '../response-bodies.ts'
import { WITH_STRAY_BODY, WITH_TOKEN } from '../responses.ts'
import { refresh } from '../session-schemas.ts'
import { followPlatformConventions, TRAILING_SLASH_NOTE } from './platform-conventions.ts'
import * as schemas from './platform-schemas.ts'

const description = TRAILING_SLASH_NOTE
const noContent = { 204: z.undefined().describe('Done.') }
const security = [{ accessToken: [] }]
const tags = ['Platform']

/** Sign in, refresh and sign out, for the platform's frontend and gateway. */
export const platformSessionRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    followPlatformConventions(app)

    app.post('/sessions', {
      config: { shownAt: ['username', 'password'] },
      schema: {
        tags,
        operationId: 'platformSignIn',
        summary: 'Sign in',
        description,
        body: schemas.signIn,
        response: schemas.platformResponses(
          { 200: schemas.tokens.describe('Signed in.') },
          {
            errors: [...createSessionErrors, ...commonErrors],
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
          describedDevice: deviceName(agent),
          userAgent: agent,
          address: clientAddress(request),
          purchase: undefined,
          takesChallenge: false,
        })
        // For the compiler: the use case has refused it.
        if ('challenge' in issued) throw new ApplicationError('second_factor_required')
        request.actor = userActor(issued.session.userId)
        return bodies.platformTokens(issued)
      },
    })

    app.post('/sessions/refresh', {
      schema: {
        tags,
        operationId: 'platformRefresh',
        summary: 'Exchange a refresh token for new tokens',
        description: `${description} Parallel calls with the same token get the same new tokens.`,
        body: refresh,
        response: schemas.platformResponses(
          { 200: schemas.tokens.describe('The new tokens.') },
          {
            errors: [...refreshSessionErrors, ...commonErrors],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const { refresh_token: refreshToken } = request.body
        const issued = await useCases.refreshSession({
          refreshToken,
          address: clientAddress(request),
          userAgent: userAgent(request),
        })
        request.actor = userActor(issued.session.userId)
        return bodies.platformTokens(issued)
      },
    })

    void app.register(terminationRoutes(useCases))
    done()
  }

/** In its own scope, which accepts forms: some HTTP clients send an empty body as a form. */
const terminationRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)
    const response = schemas.platformResponses(noContent, { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY] })
    readForms(app)

    app.post('/sessions/terminate', {
      onRequest,
      schema: {
        tags,
        security,
        description,
        response,
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
        tags,
        security,
        description,
        response,
        operationId: 'platformSignOutEverywhere',
        summary: 'Sign out on all devices',
      },
      handler: async (request, reply) => {
        const input = { keepCurrent: false, cannotReauthenticate: true }
        await useCases.endAllOwnSessions(callerOf(request), input)
        return reply.code(204).send()
      },
    })

    done()
  }

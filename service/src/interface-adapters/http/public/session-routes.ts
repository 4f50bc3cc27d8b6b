import { userActor } from '../../../domain/actor.ts'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ApplicationError, commonErrors } from '../../../application/errors.ts'
import { createSessionErrors } from '../../../application/sessions/create-session.ts'
import {
  endAllOwnSessionsErrors,
  endOwnSessionErrors,
} from '../../../application/sessions/end-own-sessions.ts'
import { listSessionsErrors } from '../../../application/sessions/list-sessions.ts'
import { reauthenticateErrors } from '../../../application/sessions/reauthenticate.ts'
import { refreshSessionErrors } from '../../../application/sessions/refresh-session.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { parseSessionId } from '../../../domain/session.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { clientAddress } from '../client-address.ts'
import { deviceName, userAgent } from '../device-name.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_STRAY_BODY, WITH_TOKEN } from '../responses.ts'
import * as schemas from '../session-schemas.ts'

const noContent = { 204: z.undefined().describe('Done.') }
const security = [{ accessToken: [] }]
const tags = ['Sessions']

const endSessionsQuery = z.object({
  keep: z.literal('current').optional().describe('Keeps the session of this request.'),
})

/** Sign in, refresh, list sessions, sign out. */
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
          'Accepts a username or an e-mail address. Unknown names and wrong passwords get the same response. After too many ' +
          'attempts, the response 429 has a `challenge`: a proof of work buys one attempt. If the user has a second factor, ' +
          'the response 200 has a challenge of another kind and no tokens. Ask for a code, and send both to ' +
          '`/v1/sessions/challenges/complete`.',
        body: schemas.signIn,
        response: responses(
          {
            200: schemas.challenge.describe('The password is right. A second factor is needed.'),
            201: schemas.tokens.describe('Signed in.'),
          },
          {
            errors: [
              ...createSessionErrors.filter((code) => code !== 'second_factor_required'),
              ...commonErrors,
            ],
            hasBody: true,
          },
        ),
      },
      handler: async (request, reply) => {
        const { username, password, device_id, device_name, proof_of_work: proof } = request.body
        const agent = userAgent(request)
        const issued = await useCases.createSession({
          username,
          password,
          deviceId: device_id,
          deviceName: device_name,
          describedDevice: deviceName(agent),
          userAgent: agent,
          address: clientAddress(request),
          purchase: { proof },
          takesChallenge: true,
        })
        if ('challenge' in issued) return reply.code(200).send(bodies.challenge(issued))
        request.actor = userActor(issued.session.userId)
        return reply.code(201).send(bodies.tokens(issued))
      },
    })

    app.post('/sessions/refresh', {
      schema: {
        tags,
        operationId: 'refreshSession',
        summary: 'Exchange a refresh token for new tokens',
        description:
          'Each refresh token works once. If the response is lost, repeat the call: you get the same tokens. Using an old ' +
          'token later ends the session, because it may have been stolen. On 503 keep the token and try again.',
        body: schemas.refresh,
        response: responses(
          { 200: schemas.tokens.describe('The new tokens.') },
          {
            errors: [...refreshSessionErrors, ...commonErrors],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const issued = await useCases.refreshSession({
          refreshToken: request.body.refresh_token,
          address: clientAddress(request),
          userAgent: userAgent(request),
        })
        request.actor = userActor(issued.session.userId)
        return bodies.tokens(issued)
      },
    })

    app.post('/sessions/current/reauthenticate', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'reauthenticate',
        summary: 'Enter your password or a code again',
        description:
          'Some calls need a recent authentication; if the user has a second factor, one that used it. This call returns tokens ' +
          'with a new `auth_time`, and with an `amr` of what was sent. The earlier tokens of this session are no longer accepted. ' +
          'If the response is lost, sign in again.',
        body: schemas.reauthentication,
        response: responses(
          { 200: schemas.tokens.describe('The new tokens.') },
          { errors: [...WITH_TOKEN, ...reauthenticateErrors], hasBody: true },
        ),
      },
      handler: async (request) => {
        const { current_password: currentPassword, code, recovery_code: recoveryCode } = request.body
        const proofs = { currentPassword, code, recoveryCode }
        return bodies.tokens(await useCases.reauthenticate(callerOf(request), proofs))
      },
    })

    app.get('/sessions', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'listSessions',
        summary: 'List your live sessions, newest first',
        response: responses(
          { 200: schemas.sessionList.describe('Your live sessions.') },
          { errors: [...WITH_TOKEN, ...listSessionsErrors] },
        ),
      },
      handler: async (request) => {
        const caller = callerOf(request)
        const sessions = await useCases.listSessions(caller)
        return { items: sessions.map((session) => bodies.session(session, caller.session.id)) }
      },
    })

    app.delete('/sessions', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'endAllSessions',
        summary: 'End all of your sessions, or all others',
        description:
          'Needs a recent authentication. To end only the session of this request, use `/v1/sessions/current`.',
        querystring: endSessionsQuery,
        response: responses(noContent, {
          errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...endAllOwnSessionsErrors, 'validation_failed'],
        }),
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
        response: responses(noContent, { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY] }),
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
        description:
          'Needs a recent authentication, unless it is the session of this request. If the session has already ended, nothing changes.',
        params: schemas.sessionIdParams,
        response: responses(noContent, {
          errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...endOwnSessionErrors],
        }),
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

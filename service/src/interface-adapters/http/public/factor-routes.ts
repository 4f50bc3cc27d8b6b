import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { confirmTotpErrors } from '../../../application/factors/confirm-totp.ts'
import { listFactorsErrors } from '../../../application/factors/list-factors.ts'
import { removeTotpErrors } from '../../../application/factors/remove-totp.ts'
import { renewRecoveryCodesErrors } from '../../../application/factors/renew-recovery-codes.ts'
import { startTotpErrors } from '../../../application/factors/start-totp.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_STRAY_BODY, WITH_TOKEN } from '../responses.ts'
import * as schemas from './factor-schemas.ts'

const security = [{ accessToken: [] }]
const tags = ['Second factors']

/** Add and remove the own second factors. */
export const factorRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    app.get('/users/me/factors', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'listOwnFactors',
        summary: 'List your second factors',
        response: responses(
          { 200: schemas.factors.describe('Your second factors.') },
          { errors: [...WITH_TOKEN, ...listFactorsErrors] },
        ),
      },
      handler: async (request) => bodies.factors(await useCases.listFactors(callerOf(request))),
    })

    app.post('/users/me/factors/totp', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'startTotp',
        summary: 'Get a secret for an authenticator',
        description:
          'Needs a recent authentication. Let the user add the secret to an authenticator (RFC 6238), and confirm it with a ' +
          'code within an hour. Until then nothing changes. A second call replaces the secret.',
        response: responses(
          { 201: schemas.newTotp.describe('The secret.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...startTotpErrors] },
        ),
      },
      handler: async (request, reply) => {
        const { text: secret, uri, qr } = await useCases.startTotp(callerOf(request))
        return reply.code(201).send({ secret, uri, qr })
      },
    })

    app.post('/users/me/factors/totp/confirm', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'confirmTotp',
        summary: 'Confirm the authenticator with a code',
        description:
          'From now on each sign-in needs a code. With the first factor the response has recovery codes: show them once. ' +
          'If the response is lost, sign in again, and get new codes with POST /v1/users/me/recovery-codes.',
        body: schemas.confirmation,
        response: responses(
          { 200: schemas.changedFactors.describe('Confirmed.') },
          { errors: [...WITH_TOKEN, ...confirmTotpErrors], hasBody: true },
        ),
      },
      handler: async (request) =>
        bodies.changedFactors(await useCases.confirmTotp(callerOf(request), request.body)),
    })

    app.delete('/users/me/factors/totp', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'removeTotp',
        summary: 'Remove your authenticator',
        description:
          'Needs a recent authentication with a code or a recovery code. The recovery codes are removed, too.',
        response: responses(
          { 200: schemas.changedFactors.describe('Removed.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...removeTotpErrors] },
        ),
      },
      handler: async (request) => bodies.changedFactors(await useCases.removeTotp(callerOf(request))),
    })

    app.post('/users/me/recovery-codes', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'renewRecoveryCodes',
        summary: 'Get new recovery codes',
        description:
          'Needs a recent authentication with a code or a recovery code. The earlier recovery codes are worth nothing then.',
        response: responses(
          { 201: schemas.changedFactors.describe('The new recovery codes.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...renewRecoveryCodesErrors] },
        ),
      },
      handler: async (request, reply) =>
        reply.code(201).send(bodies.changedFactors(await useCases.renewRecoveryCodes(callerOf(request)))),
    })

    done()
  }

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { commonErrors } from '../../../application/errors.ts'
import { endSessionByLinkErrors } from '../../../application/sessions/end-session-by-link.ts'
import { requestEmailVerificationErrors } from '../../../application/users/request-email-verification.ts'
import { requestPasswordResetErrors } from '../../../application/users/request-password-reset.ts'
import { resetPasswordErrors } from '../../../application/users/reset-password.ts'
import { undoEmailChangeErrors } from '../../../application/users/undo-email-change.ts'
import { verifyEmailErrors } from '../../../application/users/verify-email.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { userActor } from '../../../domain/actor.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { clientAddress } from '../client-address.ts'
import { responses, WITH_STRAY_BODY, WITH_TOKEN } from '../responses.ts'
import * as schemas from './mail-link-schemas.ts'

const accepted = { 202: z.undefined().describe('Accepted. If there is something to send, a mail follows.') }
const done = (text: string) => ({ 204: z.undefined().describe(text) })

/** Requests for mails with a link, and what the links do. No GET: a program that follows links in mails changes nothing. */
export const mailLinkRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, registered) => {
    app.post('/password-resets', {
      schema: {
        tags: ['Users'],
        operationId: 'requestPasswordReset',
        summary: 'Forgot your password: get a link by mail',
        description:
          'The response is the same for every address, known or not. The link is good for an hour. After too many requests ' +
          'from a network, a proof of work buys one. An address gets a few mails in a day; more requests send nothing.',
        body: schemas.passwordResetRequest,
        response: responses(accepted, {
          errors: [...requestPasswordResetErrors, ...commonErrors],
          hasBody: true,
        }),
      },
      handler: async (request, reply) => {
        const { email, proof_of_work: proof } = request.body
        await useCases.requestPasswordReset({ email, address: clientAddress(request), purchase: { proof } })
        return reply.code(202).send()
      },
    })

    app.post('/password-resets/complete', {
      schema: {
        tags: ['Users'],
        operationId: 'resetPassword',
        summary: 'Set a new password with the link from the mail',
        description:
          'Ends all of your sessions and verifies your e-mail address. Sign in with the new password. If the password is ' +
          'refused, the link stays good.',
        body: schemas.passwordReset,
        response: responses(done('The new password is set.'), {
          errors: [...resetPasswordErrors, ...commonErrors],
          hasBody: true,
        }),
      },
      handler: async (request, reply) => {
        const { token, new_password: newPassword } = request.body
        const user = await useCases.resetPassword({ token, newPassword, address: clientAddress(request) })
        request.actor = userActor(user.id)
        return reply.code(204).send()
      },
    })

    app.post('/email-verifications', {
      onRequest: requireCaller(useCases.authenticate),
      schema: {
        tags: ['Users'],
        security: [{ accessToken: [] }],
        operationId: 'requestEmailVerification',
        summary: 'Get another mail that verifies your e-mail address',
        description:
          'A sign-up and a new address send one by themselves. If your address is verified, nothing is sent.',
        response: responses(accepted, {
          errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...requestEmailVerificationErrors],
        }),
      },
      handler: async (request, reply) => {
        await useCases.requestEmailVerification(callerOf(request))
        return reply.code(202).send()
      },
    })

    app.post('/email-verifications/complete', {
      schema: {
        tags: ['Users'],
        operationId: 'verifyEmail',
        summary: 'Verify your e-mail address with the link from the mail',
        description: 'The link works once, for 24 hours, for the address to which it was sent.',
        body: schemas.followedLink,
        response: responses(done('The address is verified.'), {
          errors: [...verifyEmailErrors, ...commonErrors],
          hasBody: true,
        }),
      },
      handler: async (request, reply) => {
        const user = await useCases.verifyEmail({ ...request.body, address: clientAddress(request) })
        request.actor = userActor(user.id)
        return reply.code(204).send()
      },
    })

    app.post('/email-changes/undo', {
      schema: {
        tags: ['Users'],
        operationId: 'undoEmailChange',
        summary: 'Take your earlier e-mail address back with the link from the mail',
        description:
          'For seven days, if the earlier address was verified. Undoes later changes too, and ends all of your sessions. ' +
          'Set a new password afterwards: somebody else may know yours.',
        body: schemas.followedLink,
        response: responses(done('The earlier address is back.'), {
          errors: [...undoEmailChangeErrors, ...commonErrors],
          hasBody: true,
        }),
      },
      handler: async (request, reply) => {
        const user = await useCases.undoEmailChange({ ...request.body, address: clientAddress(request) })
        request.actor = userActor(user.id)
        return reply.code(204).send()
      },
    })

    app.post('/sessions/end-by-link', {
      schema: {
        tags: ['Sessions'],
        operationId: 'endSessionByLink',
        summary: 'End a session with the link from the mail about a new sign-in',
        description: 'For seven days. If the session has already ended, nothing changes.',
        body: schemas.followedLink,
        response: responses(done('The session has ended.'), {
          errors: [...endSessionByLinkErrors, ...commonErrors],
          hasBody: true,
        }),
      },
      handler: async (request, reply) => {
        const userId = await useCases.endSessionByLink({ ...request.body, address: clientAddress(request) })
        request.actor = userActor(userId)
        return reply.code(204).send()
      },
    })

    registered()
  }

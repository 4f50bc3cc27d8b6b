import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { commonErrors } from '../../../application/errors.ts'
import { completeSignInErrors } from '../../../application/sessions/complete-sign-in.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { userActor } from '../../../domain/actor.ts'
import { clientAddress } from '../client-address.ts'
import { userAgent } from '../device-name.ts'
import * as bodies from '../response-bodies.ts'
import { responses } from '../responses.ts'
import * as schemas from '../session-schemas.ts'

/** The second half of a sign-in. */
export const challengeRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/sessions/challenges/complete', {
      schema: {
        tags: ['Sessions'],
        operationId: 'completeSignIn',
        summary: 'Complete a sign-in with a code',
        description:
          'For the challenge that a sign-in returned. A challenge works once, for five minutes, and allows five wrong codes. ' +
          'A code works once, too. If the response is lost, sign in again.',
        body: schemas.completion,
        response: responses(
          { 201: schemas.tokens.describe('Signed in.') },
          { errors: [...completeSignInErrors, ...commonErrors], hasBody: true },
        ),
      },
      handler: async (request, reply) => {
        const { challenge, code, recovery_code: recoveryCode } = request.body
        const from = { userAgent: userAgent(request), address: clientAddress(request) }
        const issued = await useCases.completeSignIn({ challenge, code, recoveryCode, ...from })
        request.actor = userActor(issued.session.userId)
        return reply.code(201).send(bodies.tokens(issued))
      },
    })

    done()
  }

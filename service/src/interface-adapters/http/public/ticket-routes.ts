import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { UseCases } from '../../application/use-cases.ts'
import { answers, WITH_STRAY_BODY, WITH_TOKEN } from './answers.ts'
import { callerOf, requireCaller } from './bearer.ts'
import * as schemas from './verification-schemas.ts'

/** For sockets: a browser cannot send a header with a WebSocket, and a token in an address ends up in logs. */
export const ticketRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/tickets', {
      onRequest: requireCaller(useCases.authenticate),
      schema: {
        tags: ['Tickets'],
        security: [{ accessToken: [] }],
        operationId: 'createTicket',
        summary: 'Get a ticket to open a socket with',
        description:
          'Good for one socket, within 30 seconds. When the request comes from a web page, the ticket works for pages of ' +
          'that origin only.',
        response: answers(
          { 201: schemas.ticket.describe('Open the socket with it now.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY] },
        ),
      },
      handler: async (request, reply) => {
        const { ticket, expiresInSeconds } = await useCases.createTicket(
          callerOf(request),
          request.headers.origin,
        )
        return reply.code(201).send({ ticket, expires_in: expiresInSeconds })
      },
    })

    done()
  }

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { createTicketErrors } from '../../../application/tickets/create-ticket.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { responses, WITH_STRAY_BODY, WITH_TOKEN } from '../responses.ts'
import * as schemas from './ticket-schemas.ts'

/** For sockets: a browser cannot send headers with a WebSocket, and a token in a URL would end up in logs. */
export const ticketRoutes =
  (useCases: UseCases): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/tickets', {
      onRequest: requireCaller(useCases.authenticate),
      schema: {
        tags: ['Tickets'],
        security: [{ accessToken: [] }],
        operationId: 'createTicket',
        summary: 'Get a ticket that opens a socket',
        description:
          'A ticket opens one socket, within 30 seconds. If the request has an Origin header, only a page of that origin ' +
          'can use the ticket.',
        response: responses(
          { 201: schemas.ticket.describe('The ticket. Open the socket now.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...createTicketErrors] },
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

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { redeemTicketErrors } from '../../../application/tickets/redeem-ticket.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { responses, WITH_SERVICE_KEY } from '../responses.ts'
import { readForms } from '../form-bodies.ts'
import * as bodies from '../response-bodies.ts'
import * as schemas from './verification-schemas.ts'

const tags = ['Verification']
const noContent = { 204: z.undefined().describe('Done.') }
/** Enough for 1,000 receipts, even with long field values. */
const RECEIPTS_LIMIT_BYTES = 256 * 1024

/** For services that verify access tokens: introspection, receipts and tickets. */
export const verificationRoutes =
  (useCases: UseCases, issued: bodies.TokenSettings): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    void app.register(introspectionRoute(useCases, issued))

    app.post('/receipts', {
      config: { scope: 'verify' },
      bodyLimit: RECEIPTS_LIMIT_BYTES,
      schema: {
        tags,
        operationId: 'noteReceipts',
        summary: 'Report access tokens that were used for the first time',
        description:
          'One receipt for each session and generation is enough. Receipts let the service tell a lost response from a ' +
          'stolen token. If some are lost, that only takes longer. A receipt counts only with the `rcp` of its token.',
        body: schemas.receipts,
        response: responses(noContent, { errors: WITH_SERVICE_KEY, hasBody: true }),
      },
      handler: async (request, reply) => {
        await useCases.noteReceipts(request.body.items.map(schemas.toSighting))
        return reply.code(204).send()
      },
    })

    app.post('/tickets/redeem', {
      config: { scope: 'verify' },
      schema: {
        tags,
        operationId: 'redeemTicket',
        summary: 'Redeem a ticket for the claims of its access token',
        description: 'A ticket can be redeemed once. Redeem it when the socket is opened.',
        body: schemas.redemption,
        response: responses(
          {
            200: schemas.claims.describe(
              'The user who opens the socket, and when their access token expires.',
            ),
          },
          { errors: [...WITH_SERVICE_KEY, ...redeemTicketErrors], hasBody: true },
        ),
      },
      handler: async (request) => {
        const { ticket, origin } = request.body
        return bodies.claims(await useCases.redeemTicket(ticket, origin), issued)
      },
    })

    done()
  }

/** In its own scope, because only this route accepts forms. */
const introspectionRoute =
  (useCases: UseCases, issued: bodies.TokenSettings): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    readForms(app)

    app.post('/introspect', {
      config: { scope: 'verify' },
      schema: {
        tags,
        consumes: ['application/json', 'application/x-www-form-urlencoded'],
        operationId: 'introspectToken',
        summary: 'Introspect an access token or a refresh token (RFC 7662)',
        description:
          'The body is JSON or a form. `active` is false for every token that would be refused, whatever the reason.',
        body: schemas.introspection,
        response: responses(
          { 200: schemas.introspected.describe('The state of the token. Check `active` first.') },
          { errors: WITH_SERVICE_KEY, hasBody: true },
        ),
      },
      handler: async (request) =>
        bodies.introspection(await useCases.introspectToken(request.body.token), issued),
    })

    done()
  }

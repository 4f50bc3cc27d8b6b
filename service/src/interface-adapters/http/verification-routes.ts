import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { UseCases } from '../../application/use-cases.ts'
import { answers } from './answers.ts'
import { readForms } from './form-bodies.ts'
import * as present from './present.ts'
import * as schemas from './verification-schemas.ts'

const security = [{ serviceKey: [] }]
const tags = ['Verification']
const errors = ['invalid_service_key', 'unavailable'] as const
const nothing = { 204: z.undefined().describe('Done.') }
/** A thousand receipts, generously spelled. */
const RECEIPTS_LIMIT_BYTES = 256 * 1024

/** What services that verify access tokens ask and report. */
export const verificationRoutes =
  (useCases: UseCases, issued: present.TokenSettings): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    void app.register(introspectionRoute(useCases, issued))

    app.post('/receipts', {
      bodyLimit: RECEIPTS_LIMIT_BYTES,
      schema: {
        tags,
        security,
        operationId: 'noteReceipts',
        summary: 'Report access tokens that were seen in use for the first time',
        description:
          'Once per session and generation is enough. Reports tell a lost answer from a theft; losing some delays that.',
        body: schemas.receipts,
        response: answers(nothing, { errors, hasBody: true }),
      },
      handler: async (request, reply) => {
        await useCases.noteReceipts(request.body.items.map(schemas.toSighting))
        return reply.code(204).send()
      },
    })

    app.post('/tickets/redeem', {
      schema: {
        tags,
        security,
        operationId: 'redeemTicket',
        summary: 'Trade a socket ticket for the claims of its access token, once',
        body: schemas.redemption,
        response: answers(
          { 200: schemas.claims.describe('Who opens the socket, and until when the token lets them.') },
          { errors: [...errors, 'ticket_gone', 'origin_mismatch'], hasBody: true },
        ),
      },
      handler: async (request) => {
        const { ticket, origin } = request.body
        return present.claims(await useCases.redeemTicket(ticket, origin), issued)
      },
    })

    done()
  }

/** In a scope of its own: nothing else takes forms. */
const introspectionRoute =
  (useCases: UseCases, issued: present.TokenSettings): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    readForms(app)

    app.post('/introspect', {
      schema: {
        tags,
        security,
        consumes: ['application/json', 'application/x-www-form-urlencoded'],
        operationId: 'introspectToken',
        summary: 'What a token stands for at this moment (RFC 7662)',
        description:
          'Takes JSON or a form. A token that would be refused is not active, whatever the reason.',
        body: schemas.introspection,
        response: answers(
          { 200: schemas.introspected.describe('Look at `active` first.') },
          { errors, hasBody: true },
        ),
      },
      handler: async (request) =>
        present.introspection(await useCases.introspectToken(request.body.token), issued),
    })

    done()
  }

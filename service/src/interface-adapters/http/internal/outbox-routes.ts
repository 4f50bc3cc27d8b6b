import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { UseCases } from '../../application/use-cases.ts'
import { answers, WITH_STRAY_BODY } from './answers.ts'
import * as schemas from './outbox-schemas.ts'

const errors = ['invalid_service_key', 'unavailable'] as const
const security = [{ serviceKey: [] }]
const tags = ['Outbox']

/** For operators: what consumers have not taken, and another try. */
export const outboxRoutes =
  (
    useCases: Pick<UseCases, 'listDeliveries' | 'replayDelivery' | 'replayDeliveries'>,
  ): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/outbox', {
      schema: {
        tags,
        security,
        operationId: 'listDeliveries',
        summary: 'List events that wait to be delivered, or were given up, the oldest first',
        querystring: schemas.outboxQuery,
        response: answers(
          { 200: schemas.deliveryList.describe('A page of them, without what the events say.') },
          { errors: [...errors, 'validation_failed'] },
        ),
      },
      handler: async (request) => {
        const { state, consumer, limit, cursor } = request.query
        const after = cursor === undefined ? undefined : Number(cursor)
        return schemas.presentPage(await useCases.listDeliveries({ state, consumer, limit, after }))
      },
    })

    app.post('/outbox/:id/replay', {
      schema: {
        tags,
        security,
        operationId: 'replayDelivery',
        summary: 'Try a delivery again that was given up',
        params: schemas.deliveryParams,
        response: answers(
          { 204: z.undefined().describe('It waits again; one that did before is left as it is.') },
          { errors: [...errors, 'delivery_not_found', 'validation_failed', ...WITH_STRAY_BODY] },
        ),
      },
      handler: async (request, reply) => {
        await useCases.replayDelivery(Number(request.params.id))
        return reply.code(204).send()
      },
    })

    app.post('/outbox/replay', {
      schema: {
        tags,
        security,
        operationId: 'replayDeliveries',
        summary: 'Try everything again that a consumer was given up for',
        body: schemas.replay,
        response: answers({ 200: schemas.replayed.describe('They wait again.') }, { errors, hasBody: true }),
      },
      handler: async (request) => ({ replayed: await useCases.replayDeliveries(request.body.consumer) }),
    })

    done()
  }

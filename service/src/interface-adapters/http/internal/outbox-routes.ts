import { actorOf } from '../bearer.ts'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { announceUsersErrors } from '../../../application/outbox/announce-users.ts'
import { replayDeliveryErrors } from '../../../application/outbox/replay-delivery.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { parseUserId } from '../../../domain/user.ts'
import { responses, WITH_SERVICE_KEY, WITH_STRAY_BODY } from '../responses.ts'
import * as schemas from './outbox-schemas.ts'

const tags = ['Outbox']

/** For operators: list undelivered events, and retry them. */
export const outboxRoutes =
  (
    useCases: Pick<UseCases, 'listDeliveries' | 'replayDelivery' | 'replayDeliveries' | 'announceUsers'>,
  ): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/outbox', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'listDeliveries',
        summary: 'List the deliveries that are waiting, or that were given up, oldest first',
        querystring: schemas.outboxQuery,
        response: responses(
          {
            200: schemas.deliveryList.describe('A page of deliveries, without the contents of their events.'),
          },
          { errors: [...WITH_SERVICE_KEY, 'validation_failed'] },
        ),
      },
      handler: async (request) => {
        const { state, consumer, limit, cursor } = request.query
        const after = cursor === undefined ? undefined : Number(cursor)
        return schemas.pageBody(await useCases.listDeliveries({ state, consumer, limit, after }))
      },
    })

    app.post('/outbox/:id/replay', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'replayDelivery',
        summary: 'Retry a delivery that was given up',
        params: schemas.deliveryParams,
        response: responses(
          {
            204: z
              .undefined()
              .describe('The delivery is waiting. If it was waiting before, nothing has changed.'),
          },
          { errors: [...WITH_SERVICE_KEY, ...replayDeliveryErrors, 'validation_failed', ...WITH_STRAY_BODY] },
        ),
      },
      handler: async (request, reply) => {
        await useCases.replayDelivery(actorOf(request), Number(request.params.id))
        return reply.code(204).send()
      },
    })

    app.post('/outbox/replay', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'replayDeliveries',
        summary: 'Retry all deliveries to a consumer that were given up',
        body: schemas.replay,
        response: responses(
          { 200: schemas.replayed.describe('The deliveries are waiting again.') },
          { errors: WITH_SERVICE_KEY, hasBody: true },
        ),
      },
      handler: async (request) => ({
        replayed: await useCases.replayDeliveries(actorOf(request), request.body.consumer),
      }),
    })

    app.post('/outbox/tell-messaging', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'announceUsers',
        summary: 'Send the name and picture of every user to the messaging service, a batch per call',
        description: 'Users for whom a delivery waits anyway are left out, so repeating a call does no harm.',
        body: schemas.announcement,
        response: responses(
          { 200: schemas.announced.describe('The deliveries are waiting.') },
          { errors: [...WITH_SERVICE_KEY, ...announceUsersErrors], hasBody: true },
        ),
      },
      handler: async (request) => {
        const { cursor } = request.body
        const { count, next } = await useCases.announceUsers(actorOf(request), parseUserId(cursor))
        return { announced: count, next_cursor: next === undefined ? null : String(next) }
      },
    })

    done()
  }

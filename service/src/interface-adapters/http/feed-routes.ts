import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { answers } from './answers.ts'
import type { RevocationStream } from './revocation-stream.ts'
import * as schemas from './verification-schemas.ts'

const security = [{ serviceKey: [] }]
const tags = ['Verification']
const errors = ['invalid_service_key', 'unavailable'] as const

/** Which sessions have ended, and which tokens are outdated, for services that verify access tokens themselves. */
export const feedRoutes =
  (stream: RevocationStream): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.addHook('preClose', (closed) => {
      stream.close()
      closed()
    })

    app.get('/revocations', {
      schema: {
        tags,
        security,
        operationId: 'readRevocations',
        summary:
          'The access tokens to be refused before they expire: their session ended, or its roles changed',
        response: answers({ 200: schemas.revocations.describe('All of them, in order.') }, { errors }),
      },
      handler: async (_request, reply) =>
        reply
          .type('application/json')
          .serializer((text: string) => text)
          .send((await stream.snapshot()) as never),
    })

    app.get('/revocations/stream', {
      exposeHeadRoute: false,
      schema: {
        tags,
        security,
        operationId: 'streamRevocations',
        summary: 'The same as it grows, as server-sent events',
        description:
          'First a `snapshot`, or with `Last-Event-ID` only the rows that are missing, as far as the log reaches back; ' +
          'then a `revoked` event per row and a `heartbeat` every second: everything that was committed before its ' +
          "`server_time` has been sent by then. The id of an event is the row's place: 1, 2, 3 … without gaps.",
        headers: schemas.lastEventId,
        response: { ...answers({}, { errors }), 200: schemas.eventStream },
      },
      handler: async (request, reply) => {
        const start = await stream.open(lastSeq(request.headers['last-event-id']))
        reply.hijack()
        for (const [name, value] of Object.entries(reply.getHeaders())) {
          if (value !== undefined) reply.raw.setHeader(name, value)
        }
        // No deadline: a stream is never done. Proxies must not wait for more before they pass it on.
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
        start(reply.raw)
      },
    })

    done()
  }

/** A reader that sends something else than a place gets a snapshot. */
const lastSeq = (header: string | undefined): number | undefined =>
  header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined

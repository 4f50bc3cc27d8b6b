import { Readable } from 'node:stream'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { responses, WITH_SERVICE_KEY } from '../responses.ts'
import { readPlace } from './feed-events.ts'
import { prefers } from './preferences.ts'
import type { RevocationStream } from './revocation-stream.ts'
import * as schemas from './verification-schemas.ts'

const tags = ['Verification']

/** The revocation feed, for services that verify access tokens themselves. */
export const feedRoutes =
  (stream: RevocationStream): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.addHook('preClose', (closed) => {
      stream.close()
      closed()
    })

    app.get('/revocations', {
      config: { scope: 'verify' },
      schema: {
        tags,
        operationId: 'readRevocations',
        summary: 'List the revocations: access tokens to refuse although they have not expired',
        description:
          'A token is revoked because its session ended, or because the roles of its user changed.',
        response: responses(
          { 200: schemas.revocations.describe('All revocations, in order.') },
          { errors: WITH_SERVICE_KEY },
        ),
      },
      handler: async (_request, reply) => {
        const snapshot = await stream.snapshot()
        return reply.type('application/json').send(Readable.from(snapshot.json()))
      },
    })

    app.get('/revocations/stream', {
      config: { scope: 'verify' },
      exposeHeadRoute: false,
      schema: {
        tags,
        operationId: 'streamRevocations',
        summary: 'Follow the revocations as server-sent events',
        description:
          'The stream starts with a `snapshot` event. With `Last-Event-ID` it starts with the rows after that one instead, ' +
          'if the log still has them. Then follow a `revoked` event for each new row, and a `heartbeat` event every ' +
          'second. Everything committed before the `server_time` of a heartbeat has been sent before it. The `seq` of the ' +
          'rows is 1, 2, 3 … without gaps. If `log` changes, the log was restored or set back: connect again without ' +
          '`Last-Event-ID`, and keep refusing the sessions that you know until their `expires_at`. Ignore events and ' +
          'fields that you do not know.',
        headers: schemas.streamHeaders,
        response: { ...responses({}, { errors: WITH_SERVICE_KEY }), 200: schemas.eventStream },
      },
      handler: async (request, reply) => {
        const start = await stream.open({
          after: readPlace(request.headers['last-event-id']),
          readsParts: prefers(request.headers.prefer, 'snapshot', 'parts'),
        })
        reply.hijack()
        for (const [name, value] of Object.entries(reply.getHeaders())) {
          if (value !== undefined) reply.raw.setHeader(name, value)
        }
        // The header tells proxies not to buffer: each event must arrive immediately.
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
        start(reply.raw)
      },
    })

    done()
  }

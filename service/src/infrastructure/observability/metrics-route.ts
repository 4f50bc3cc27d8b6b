import type { FastifyPluginCallback } from 'fastify'

/** The text format of Prometheus. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** For Prometheus. It needs no service key (decision 21). */
export const metricsRoute =
  (text: () => Promise<string>): FastifyPluginCallback =>
  (app, _options, done) => {
    app.get('/metrics', { schema: { hide: true }, config: { scope: 'none' } }, async (_request, reply) =>
      reply.type(CONTENT_TYPE).send(await text()),
    )
    done()
  }

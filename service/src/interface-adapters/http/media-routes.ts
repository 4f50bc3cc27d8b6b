import type { FastifyPluginCallback } from 'fastify'

/** Pictures. People without one of their own share a default. */
export const mediaRoutes =
  (defaultAvatar: Buffer): FastifyPluginCallback =>
  (app, _options, done) => {
    app.get('/media/avatars/default.png', { schema: { hide: true } }, (_request, reply) =>
      reply.type('image/png').header('cache-control', 'public, max-age=86400').send(defaultAvatar),
    )
    done()
  }

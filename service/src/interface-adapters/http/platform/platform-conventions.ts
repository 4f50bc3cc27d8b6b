import type { FastifyInstance } from 'fastify'
import { asPlatformProblem } from './platform-errors.ts'

export const TRAILING_SLASH_NOTE = 'The path may end with a slash.'

/**
 * The conventions of the service that this one replaces (docs/platform.md): errors have `details`, and each path works
 * with and without a trailing slash. Call it before the routes of the scope are added.
 */
export function followPlatformConventions(app: FastifyInstance): void {
  app.addHook('preSerialization', asPlatformProblem)
  app.addHook('onRoute', function (route) {
    // Fastify adds HEAD for each GET itself.
    if (route.method === 'HEAD' || route.url.endsWith('/')) return
    this.route({ ...route, url: `${route.routePath}/`, schema: { ...route.schema, hide: true } })
  })
}

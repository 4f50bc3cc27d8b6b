import type { FastifyPluginCallback } from 'fastify'
import { ApplicationError } from '../../application/errors.ts'
import type { Caller } from '../../application/sessions/caller.ts'
import { hasRoleFor, rolesOfScope } from '../../domain/operator.ts'
import type { Scope } from '../../domain/service-key.ts'
import { callerOf, requireCaller } from '../../interface-adapters/http/bearer.ts'
import '../../interface-adapters/http/route-scope.ts'

/**
 * The routes, for signed-in users with a role for the scope that the route declares. A route without such a scope cannot be
 * registered.
 */
export const requiringRoles =
  (
    authenticate: (accessToken: string) => Promise<Caller>,
    routes: FastifyPluginCallback,
  ): FastifyPluginCallback =>
  (app, options, done) => {
    app.addHook('onRoute', ({ method, url, config }) => {
      if (scopeOf(config) === undefined) {
        throw new Error(`${String(method)} ${url} declares no scope with a role; see domain/operator.ts`)
      }
    })
    app.addHook('onRequest', requireCaller(authenticate))
    app.addHook('onRequest', (request, _reply, next) => {
      const scope = scopeOf(request.routeOptions.config)
      const isAllowed = scope !== undefined && hasRoleFor(scope, callerOf(request).user)
      next(isAllowed ? undefined : new ApplicationError('insufficient_role'))
    })
    routes(app, options, done)
  }

function scopeOf(config: { readonly scope?: Scope | 'none' } | undefined): Scope | undefined {
  const scope = config?.scope
  return scope === undefined || scope === 'none' || rolesOfScope(scope).length === 0 ? undefined : scope
}

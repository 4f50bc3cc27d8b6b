import type { FastifyPluginCallback } from 'fastify'
import { ApplicationError } from '../../application/errors.ts'
import type { Caller } from '../../application/sessions/caller.ts'
import { hasRoleFor, rolesOfScope } from '../../domain/operator.ts'
import type { Scope } from '../../domain/service-key.ts'
import { callerOf, requireCaller } from '../../interface-adapters/http/bearer.ts'
import '../../interface-adapters/http/route-scope.ts'

interface Guards {
  readonly authenticate: (accessToken: string) => Promise<Caller>
  readonly requireRecentAuthentication: (caller: Caller) => void
}

const READING = ['GET', 'HEAD']

/**
 * The routes, for signed-in users with a role for the scope that the route declares. A route without such a scope cannot be
 * registered. A change needs a recent authentication, so a stolen access token of an operator only reads.
 */
export const requiringRoles =
  (
    { authenticate, requireRecentAuthentication }: Guards,
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
      const caller = callerOf(request)
      const scope = scopeOf(request.routeOptions.config)
      if (scope === undefined || !hasRoleFor(scope, caller.user)) {
        throw new ApplicationError('insufficient_role')
      }
      if (!READING.includes(request.method)) requireRecentAuthentication(caller)
      next()
    })
    routes(app, options, done)
  }

function scopeOf(config: { readonly scope?: Scope | 'none' } | undefined): Scope | undefined {
  const scope = config?.scope
  return scope === undefined || scope === 'none' || rolesOfScope(scope).length === 0 ? undefined : scope
}

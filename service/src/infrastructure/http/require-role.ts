import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import type { Refusal, RefusalBuffer } from '../../application/audit/refusal-buffer.ts'
import { ApplicationError, type ErrorCode } from '../../application/errors.ts'
import type { Caller } from '../../application/sessions/caller.ts'
import { hasRoleFor, rolesOfScope } from '../../domain/operator.ts'
import type { Scope } from '../../domain/service-key.ts'
import { parseUserId } from '../../domain/user.ts'
import { actorOf, callerOf, requireCaller } from '../../interface-adapters/http/bearer.ts'
import '../../interface-adapters/http/route-scope.ts'

interface Guards {
  readonly authenticate: (accessToken: string) => Promise<Caller>
  readonly requireRecentAuthentication: (caller: Caller) => void
  readonly refusals: Pick<RefusalBuffer, 'add'>
}

const READING = ['GET', 'HEAD']
/** Refusals of a caller who is known. */
const NOTED: readonly ErrorCode[] = ['insufficient_role', 'reauthentication_required']

/**
 * The routes, for signed-in users with a role for the scope that the route declares. A route without such a scope cannot be
 * registered. A change needs a recent authentication, so a stolen access token of an operator only reads. The audit log names
 * who was refused, by these rules or by those of the use case.
 */
export const requiringRoles =
  (
    { authenticate, requireRecentAuthentication, refusals }: Guards,
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
    app.setErrorHandler((error, request) => {
      if (error instanceof ApplicationError && NOTED.includes(error.code)) {
        refusals.add(refusalOf(request, error.code))
      }
      throw error as Error
    })
    routes(app, options, done)
  }

function refusalOf(request: FastifyRequest, code: ErrorCode): Refusal {
  const { user } = callerOf(request)
  const scope = scopeOf(request.routeOptions.config)
  // Only for an operator, because others could otherwise fill the buffer with different ids.
  const isOperator = scope !== undefined && hasRoleFor(scope, user)
  const target = isOperator ? parseUserId((request.params as { id?: string }).id) : undefined
  return {
    action: 'access.refused',
    result: code,
    actor: actorOf(request),
    subject: target ?? user.id,
    scope,
  }
}

function scopeOf(config: { readonly scope?: Scope | 'none' } | undefined): Scope | undefined {
  const scope = config?.scope
  return scope === undefined || scope === 'none' || rolesOfScope(scope).length === 0 ? undefined : scope
}

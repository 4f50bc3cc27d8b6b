import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { unavailable } from '../../application/errors.ts'
import { serviceActor, type Actor } from '../../domain/actor.ts'
import type { Scope, ServiceKey } from '../../domain/service-key.ts'
import { bearerToken } from '../../interface-adapters/http/bearer.ts'
import '../../interface-adapters/http/route-scope.ts'
import { TransportError } from '../../interface-adapters/http/transport-error.ts'

interface Observers {
  /** Gets the requests without a right key. */
  readonly refusedKey: (request: FastifyRequest, reason: 'missing' | 'wrong') => void
  /** Gets the calls with a right key that does not have the scope. */
  readonly missingScope: (actor: Actor, scope: Scope) => void
}

/**
 * Requires a service key with the scope that the route declares. A route registered after this plugin that declares neither a
 * scope nor that it needs none cannot be registered, so a new route is never open by mistake.
 */
export const requireServiceKeys = (keys: readonly ServiceKey[], observe: Observers) => {
  // An empty key would match every request without a key.
  if (keys.some(({ secret }) => secret === '')) throw new Error('a service key is empty')
  const known = keys.map((key) => ({ ...key, digest: digest(key.secret) }))
  const admit = (request: FastifyRequest, scope: Scope): void => {
    const isOfProxy = request.routeOptions.config.hasKeyInOwnHeader === true
    const token = isOfProxy ? ownHeader(request) : bearerToken(request)
    const key = token === undefined || token === '' ? undefined : keyOf(known, token)
    if (key === undefined) {
      observe.refusedKey(request, token === undefined ? 'missing' : 'wrong')
      if (isOfProxy) throw proxyRefused('is missing or wrong')
      throw new TransportError('invalid_service_key')
    }
    const actor = serviceActor(key.name)
    request.actor = actor
    if (!key.scopes.includes(scope)) {
      observe.missingScope(actor, scope)
      if (isOfProxy) throw proxyRefused(`does not have the scope "${scope}"`)
      const detail = `The service key "${key.name}" does not have the scope "${scope}". Use a key that has it, or add it to this key in SERVICE_KEYS.`
      throw new TransportError('insufficient_scope', { scope, detail })
    }
  }
  return fp((app, _options, done) => {
    app.addHook('onRoute', refuseWithoutScope)
    app.addHook('onRequest', (request, _reply, next) => {
      const { scope } = request.routeOptions.config
      if (!request.is404 && scope !== 'none') admit(request, declared(scope))
      next()
    })
    done()
  })
}

/** The proxy passes the response on to its client, whose token is not at fault: with 401 or 403 the client would give up. */
const proxyRefused = (problem: string): Error => unavailable(`The service key of the proxy ${problem}.`, 2)

function refuseWithoutScope({ method, url, config }: RouteOptions): void {
  if (config?.scope === undefined) {
    throw new Error(`${String(method)} ${url} declares no scope; see interface-adapters/http/route-scope.ts`)
  }
}

/** Fastify registers a few routes without onRoute hooks. Such a route fails instead of being open. */
function declared(scope: Scope | undefined): Scope {
  if (scope === undefined) throw new Error('the route declares no scope')
  return scope
}

/** A header that was sent twice is a list, and no key contains ", ". */
const ownHeader = ({ headers }: FastifyRequest): string | undefined => headers['x-service-key']?.toString()

type KnownKey = ServiceKey & { readonly digest: Buffer }

/** Compares with every key, each in constant time. */
function keyOf(known: readonly KnownKey[], token: string): ServiceKey | undefined {
  const given = digest(token)
  return known.filter((key) => timingSafeEqual(key.digest, given))[0]
}

const digest = (key: string): Buffer => createHash('sha256').update(key).digest()

import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate } from './http.ts'
import { refusalResponse } from './refusal-response.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The claims of the access token. Set in every scope with `requireToken`. */
    claims: Claims
  }
}

interface Request {
  readonly raw: RequestHead
  claims: Claims
}

interface Reply {
  code(status: number): unknown
  headers(headers: Record<string, string>): unknown
  send(body: string): unknown
}

type Hook = (request: Request, reply: Reply) => Promise<unknown>

interface Scope {
  hasRequestDecorator(name: string): boolean
  decorateRequest(name: 'claims', value: null): unknown
  addHook(name: 'onRequest', hook: Hook): unknown
}

/**
 * The plugin that `requireToken` returns.
 *
 * @example
 * ```ts
 * const plugin: Plugin = requireToken(verifier)
 * app.register(plugin)
 * ```
 */
export type Plugin = (scope: Scope) => Promise<void>

/**
 * Fastify plugin that guards every route of its scope: it sets `request.claims`, or responds with 401 or 503 (RFC 6750,
 * section 3) before the body is read. With requirements, a user who authenticated too long ago gets the challenge of
 * RFC 9470.
 *
 * @example
 * ```ts
 * app.register(requireToken(verifier))
 * app.get('/me', (request) => ({ user_id: request.claims.user_id }))
 * app.register((scope, _options, done) => {
 *   scope.register(requireToken(verifier, { maxAgeSeconds: 600 }))
 *   scope.post('/payments', pay)
 *   done()
 * })
 * ```
 */
export function requireToken(
  verifier: Pick<Verifier, 'verify'>,
  requirements?: AuthenticationRequirements,
): Plugin {
  const hook: Hook = async (request, reply) => {
    try {
      request.claims = await authenticate(verifier, request.raw, requirements)
      return undefined
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      const { status, headers, body } = refusalResponse(error)
      reply.code(status)
      reply.headers({ ...headers })
      return reply.send(body)
    }
  }
  const plugin: Plugin = (scope) => {
    // The decorator gives all requests one shape. A scope inside a guarded scope has it already.
    if (!scope.hasRequestDecorator('claims')) scope.decorateRequest('claims', null)
    scope.addHook('onRequest', hook)
    return Promise.resolve()
  }
  // Without this, Fastify gives the plugin a scope of its own, and the routes beside it stay open.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

import { TokenRefused } from '../token-refused.ts'
import type { Claims, Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate } from './http.ts'
import { refusalAnswer } from './refusal-answer.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the access token; there in every scope that has `requireToken`. */
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

export type Plugin = (scope: Scope) => Promise<void>

/**
 * A Fastify plugin: every request of the scope it is registered in needs a valid access token, whose claims become
 * `request.claims`. Others are answered 401 or 503 before their body is read.
 */
export function requireToken(verifier: Pick<Verifier, 'verify'>): Plugin {
  const hook: Hook = async (request, reply) => {
    try {
      request.claims = await authenticate(verifier, request.raw)
      return undefined
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      const { status, headers, body } = refusalAnswer(error)
      reply.code(status)
      reply.headers({ ...headers })
      return reply.send(body)
    }
  }
  const plugin: Plugin = (scope) => {
    // Declared before use, all requests keep one shape; a scope inside a guarded one has it already.
    if (!scope.hasRequestDecorator('claims')) scope.decorateRequest('claims', null)
    scope.addHook('onRequest', hook)
    return Promise.resolve()
  }
  // Without this the plugin would guard a scope of its own, and the routes beside it would stay open.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

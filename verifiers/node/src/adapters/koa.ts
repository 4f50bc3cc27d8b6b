import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate } from './http.ts'
import { refusalResponse } from './refusal-response.ts'

interface Context {
  readonly req: RequestHead
  readonly state: { claims?: Claims }
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

/**
 * The middleware that `requireToken` returns.
 *
 * @example
 * ```ts
 * const guard: Middleware = requireToken(verifier)
 * app.use(guard)
 * ```
 */
export type Middleware = (context: Context, next: () => Promise<unknown>) => Promise<void>

/**
 * Koa middleware that sets `context.state.claims`, or responds with 401 or 503 (RFC 6750, section 3). With requirements,
 * a user who authenticated too long ago gets the challenge of RFC 9470.
 *
 * @example
 * ```ts
 * const app = new Koa<{ claims: Claims }>()
 * app.use(requireToken(verifier))
 * app.use((context) => {
 *   context.body = { user_id: context.state.claims.user_id }
 * })
 * ```
 */
export const requireToken =
  (verifier: Pick<Verifier, 'verify'>, requirements?: AuthenticationRequirements): Middleware =>
  async (context, next) => {
    try {
      context.state.claims = await authenticate(verifier, context.req, requirements)
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      const { status, headers, body } = refusalResponse(error)
      context.status = status
      context.set({ ...headers })
      context.body = body
      return
    }
    await next()
  }

import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import { authenticate } from './http.ts'
import { refusalResponse } from './refusal-response.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The claims of the access token. Set in every route behind `requireToken`. */
    claims: Claims
  }
}

interface Context {
  readonly req: { header(name: 'authorization'): string | undefined }
  set(name: 'claims', claims: Claims): void
}

/**
 * The middleware that `requireToken` returns.
 *
 * @example
 * ```ts
 * const guard: Middleware = requireToken(verifier)
 * app.get('/me', guard, (context) => context.json({ user_id: context.get('claims').user_id }))
 * ```
 */
export type Middleware = (context: Context, next: () => Promise<void>) => Promise<Response | undefined>

/**
 * Hono middleware that sets `claims`, or responds with 401 or 503 (RFC 6750, section 3). With requirements, a user who
 * authenticated too long ago gets the challenge of RFC 9470.
 *
 * @example
 * ```ts
 * app.use(requireToken(verifier))
 * app.use('/payments', requireToken(verifier, { maxAgeSeconds: 600 }))
 * app.get('/me', (context) => context.json({ user_id: context.get('claims').user_id }))
 * ```
 */
export const requireToken =
  (verifier: Pick<Verifier, 'verify'>, requirements?: AuthenticationRequirements): Middleware =>
  async (context, next) => {
    try {
      // The Fetch API joins several Authorization headers with a comma, which no token contains.
      const headers = { authorization: context.req.header('authorization') }
      context.set('claims', await authenticate(verifier, { headers }, requirements))
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      const { body, ...head } = refusalResponse(error)
      return new Response(body, head)
    }
    await next()
    return undefined
  }

import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate, sendRefusal, type ResponseLike } from './http.ts'

declare global {
  // Express merges this name into its own request type.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      /** The claims of the access token. Set in every route behind `requireToken`. */
      claims?: Claims
    }
  }
}

/**
 * The middleware that `requireToken` returns.
 *
 * @example
 * ```ts
 * const guard: Middleware = requireToken(verifier)
 * app.get('/me', guard, (request, response) => response.json({ user_id: request.claims?.user_id }))
 * ```
 */
export type Middleware = (
  request: RequestHead & { claims?: Claims },
  response: ResponseLike,
  next: (error?: unknown) => void,
) => Promise<void>

/**
 * Express 5 middleware that sets `request.claims`, or responds with 401 or 503 (RFC 6750, section 3). With
 * requirements, a user who authenticated too long ago gets the challenge of RFC 9470.
 *
 * @example
 * ```ts
 * app.use(requireToken(verifier))
 * app.use('/payments', requireToken(verifier, { maxAgeSeconds: 600 }))
 * app.get('/me', (request, response) => response.json({ user_id: request.claims?.user_id }))
 * ```
 */
export const requireToken =
  (verifier: Pick<Verifier, 'verify'>, requirements?: AuthenticationRequirements): Middleware =>
  async (request, response, next) => {
    try {
      request.claims = await authenticate(verifier, request, requirements)
    } catch (error) {
      // Express 4 ignores rejected promises, so nothing may be thrown here.
      if (error instanceof TokenRefused) sendRefusal(response, error)
      else next(error)
      return
    }
    next()
  }
